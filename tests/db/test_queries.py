"""The loader of named statements: what it reads, and what it refuses."""

import pytest

from worksphere_hub.db.queries import Queries, load_queries

GOOD = """\
-- The statements of a room.

-- name: one_thing
-- Answer one.
select 1;

-- name: two_things
-- Answer two,
-- with a comment in the middle.
select 2
-- name of nothing, only of a column
    as n;
"""


def write(folder, text):
    path = folder / "queries.sql"
    path.write_text(text)
    return path


def test_statements_are_attributes_with_their_comments_and_without_semicolon(tmp_path):
    queries = Queries(write(tmp_path, GOOD))
    assert queries.one_thing == "-- Answer one.\nselect 1"
    assert queries.two_things.startswith("-- Answer two,\n")
    assert queries.two_things.endswith("as n")
    assert list(queries.items()) == ["one_thing", "two_things"]


def test_the_statements_beside_a_module_are_found(tmp_path):
    write(tmp_path, "-- name: x\n-- X.\nselect 1")
    assert load_queries(str(tmp_path / "store.py")).x.endswith("select 1")


def test_what_items_answers_is_a_copy(tmp_path):
    queries = Queries(write(tmp_path, "-- name: x\n-- X.\nselect 1"))
    queries.items().clear()
    assert queries.x


def test_an_unknown_name_is_said_by_name(tmp_path):
    with pytest.raises(AttributeError, match="missing_one"):
        _ = Queries(write(tmp_path, "-- name: x\n-- X.\nselect 1")).missing_one


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- name: x\n-- X.\nselect 1;\n\n-- name: x\n-- X again.\nselect 2;\n", "same name"),
        ("select 0;\n-- name: x\n-- X.\nselect 1;\n", "before the first name"),
        ("-- name: x\n-- X, and nothing else.\n\n-- name: y\n-- Y.\nselect 1;\n", "x has no statement"),
        ("-- name: x\n-- X.\nselect 1;\n\n-- name: Upper\n-- Y.\nselect 2;\n", "Upper"),
        ("-- name: x\n-- X.\nselect 1;\n\n-- name: y \n-- Y.\nselect 2;\n", "does not read"),
        ("-- name: x\n-- X.\nselect 1;\n\n--name: y\n-- Y.\nselect 2;\n", "does not read"),
    ],
)
def test_a_mistake_in_the_file_is_refused_and_named(tmp_path, text, complaint):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=complaint) as refused:
        Queries(path)
    assert str(path) in str(refused.value)


def test_a_room_with_many_statements_has_several_files(tmp_path):
    (tmp_path / "queries.sql").write_text("-- name: one\n-- First.\nselect 1;\n")
    (tmp_path / "more_queries.sql").write_text("-- name: two\n-- Second.\nselect 2;\n")
    found = load_queries(str(tmp_path / "store.py"))
    assert (found.one, found.two) == ("-- First.\nselect 1", "-- Second.\nselect 2")
    (tmp_path / "more_queries.sql").write_text("-- name: one\n-- Again.\nselect 2;\n")
    with pytest.raises(ValueError, match="another file's"):
        load_queries(str(tmp_path / "store.py"))
