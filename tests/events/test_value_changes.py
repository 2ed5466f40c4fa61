import pytest

from worksphere_hub.events.value_changes import canonical, value_changes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ({}, {"type": "string"}, "It is not null or boolean or integer or number or array or object any more."),
        ({"type": "integer"}, {"type": "number"}, "It may be number now."),
        ({"enum": [1, 2]}, {"enum": [2, 3]}, "1 value(s) may be sent that consumers do not know."),
        ({"maximum": 5}, {"maximum": 5.5}, "`maximum` allows more than before."),
    ],
)
def test_a_change_is_said_in_a_sentence(old, new, said):
    assert said in [change.message for change in value_changes(old, new, "data")]


def test_no_value_of_the_author_is_repeated():
    found = list(value_changes({"enum": ["secret-1"]}, {"enum": ["secret-2"]}, "data"))
    assert len(found) == 2
    assert "secret" not in str(found)


def test_the_same_json_has_one_text():
    assert canonical({"b": 1, "a": [True]}) == canonical({"a": [True], "b": 1})
    assert canonical(1) != canonical(True)
