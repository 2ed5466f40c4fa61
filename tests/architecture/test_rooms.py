"""Every room says what it is for, and what calls itself pure is."""

import ast

import pytest

from tests.architecture.sources import PACKAGE, imported, modules, rooms, tree

# Whatever reaches outside: the network, the disk, other processes, or waits.
IMPURE = {
    "asyncio", "socket", "ssl", "selectors", "subprocess", "threading", "multiprocessing", "http", "urllib.request",
    "starlette", "fastapi", "uvicorn", "asyncpg", "pyreqwest", "worksphere_hub.db", "worksphere_hub.bus",
    "worksphere_hub.http.server", "worksphere_hub.http.listen", "worksphere_hub.security.egress",
}  # fmt: skip


def impurities(path):
    """What a module imports that decides nothing."""
    return sorted(
        {
            target
            for target in imported(path)
            if any(target == name or target.startswith(f"{name}.") for name in IMPURE)
            or target.split(".")[-1] == "store"
            or ".store." in target
        }
    )


def pure_modules():
    return {name: path for name, path in modules().items() if (ast.get_docstring(tree(path)) or "").startswith("PURE")}


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_room_says_what_it_is_for(room):
    text = (room / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {room.name}\n")
    assert len(text.splitlines()) >= 5


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_what_a_rooms_readme_names_is_there(room):
    """Files in backticks that look like files of this room; `routes.py` is what such a file is called in any."""
    words = (room / "README.md").read_text(encoding="utf-8").split("`")[1::2]
    named = {word for word in words if word.endswith((".py", ".sql")) and "/" not in word and "*" not in word}
    assert not [word for word in named - {"routes.py"} if not (room / word).exists()]


@pytest.mark.parametrize("room", rooms(), ids=lambda room: room.name)
def test_a_room_introduces_itself_in_code_too(room):
    assert ast.get_docstring(tree(room / "__init__.py"))


def test_every_module_says_what_it_is():
    assert not [name for name, path in modules().items() if not ast.get_docstring(tree(path))]


@pytest.mark.parametrize("name", pure_modules())
def test_what_calls_itself_pure_is(name):
    assert not impurities(PACKAGE / name)


def test_there_is_something_pure_and_an_impurity_would_be_found(tmp_path):
    assert pure_modules().keys() >= {"webhooks/retry.py", "webhooks/lanes.py", "events/grammar.py"}
    for line, found in (
        ("import asyncio", ["asyncio"]),
        ("from worksphere_hub.db.pool import Database", ["worksphere_hub.db.pool", "worksphere_hub.db.pool.Database"]),
        ("from worksphere_hub.webhooks import store", ["worksphere_hub.webhooks.store"]),
        ("def f():\n    import socket", ["socket"]),
        ("from worksphere_hub.http.errors import BodyTooLarge", []),
        ("import httptools", []),
    ):
        (tmp_path / "m.py").write_text(f"{line}\n")
        assert impurities(tmp_path / "m.py") == found
