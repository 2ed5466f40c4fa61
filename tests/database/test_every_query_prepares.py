"""Every named statement of every room can be planned on the real schema by a role that uses it."""

import re
from pathlib import Path

import asyncpg
import pytest

from worksphere_hub.db.connect import connected
from worksphere_hub.db.queries import Queries

PACKAGE = Path(__file__).parents[2] / "worksphere_hub"
FILES = sorted(PACKAGE.rglob("*queries.sql"))
STATEMENTS = [(file, name, text) for file in FILES for name, text in Queries(file).items().items()]

_USE = re.compile(r"\bQUERIES\.([a-z_0-9]+)")
_OWNER = re.compile(r"from worksphere_hub\.([a-z_.]+) import [^\n]*\bQUERIES\b")


async def plan(connection: asyncpg.Connection, statement: str) -> str | None:
    """Plan a statement without running it, as far as checking every privilege; answers what was wrong with it."""
    try:
        await connection.prepare(statement)
        # Preparing looks up names and types; only starting a plan asks whether this role may.
        await connection.execute(f"explain (generic_plan) {statement}")
    except asyncpg.PostgresError as error:
        return f"{type(error).__name__}: {error}"
    return None


async def faults(database, statements):
    """Statements that neither of the hub's logins can plan, with what each was told."""
    found = []
    async with connected(database.app_url) as api, connected(database.worker_url) as worker:
        for file, name, text in statements:
            told = [await plan(api, text), await plan(worker, text)]
            if None not in told:
                found.append(f"{file.parent.name}/{file.name} {name}\n  api:    {told[0]}\n  worker: {told[1]}")
    return found


def uses():
    """Every `QUERIES.name` in the package: the room that the statement must be in, the name, and where it is used."""
    for file in sorted(set(PACKAGE.rglob("*.py")) - set((PACKAGE / "db").iterdir())):
        source = file.read_text(encoding="utf-8")
        owner = _OWNER.search(source)
        room = owner[1].split(".")[0] if owner else file.parent.name
        for name in _USE.findall(source.replace("store.QUERIES", "QUERIES")):
            yield room, name, file.relative_to(PACKAGE).as_posix()


def test_there_are_statements_to_look_at():
    assert {file.parent.name for file in FILES} >= {"accounts", "events", "webhooks"}
    assert len(STATEMENTS) > 50


async def test_every_statement_can_be_planned_by_a_role_that_uses_it(database):
    found = await faults(database, STATEMENTS)
    assert not found, "\n".join(found)


async def test_a_statement_that_cannot_is_found(database):
    bad = {
        "no_table": "select * from hub.no_such_table",
        "no_column": "select no_such_column from hub.organizations",
        "no_privilege": "delete from hub.organizations where id = $1",
        "no_column_privilege": "update hub.organizations set slug = $1",
        "no_execute": "select hub.found_deployment($1, $2, $3, $4)",
        "two_statements": "select 1; select 2",
        "wrong_type": "select * from hub.organizations where id = 1",
    }
    statements = [(Path("room/queries.sql"), name, text) for name, text in bad.items()]
    found = await faults(database, statements)
    assert [line.split("\n")[0].removeprefix("room/queries.sql ") for line in found] == list(bad)
    assert not await faults(database, [(Path("room/queries.sql"), "good", "select id from hub.organizations")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_every_statement_says_what_it_does(file):
    silent = [
        name
        for name, text in Queries(file).items().items()
        if not re.match(r"-- [A-Z`][^\n]{5,}", text) or not re.search(r"[.:)]\n(?!--)", text)
    ]
    assert not silent


def test_every_statement_that_is_used_exists_and_every_one_that_exists_is_used():
    existing = {(file.parent.name, name) for file, name, _ in STATEMENTS}
    used = list(uses())
    assert not [f"{where} uses {name}" for room, name, where in used if (room, name) not in existing]
    assert not existing - {(room, name) for room, name, _ in used}
