"""Every table, role, verb and context: nobody reads or changes a row of an organization it does not act for.

The cells are generated from the catalog, so that a table, a partition or a grant that is added is tried the same day.
One connection of the superuser takes on each login (SET SESSION AUTHORIZATION changes `session_user` too): only so
can the truth about foreign rows be looked up inside the very transaction in which a statement was tried.
"""

import itertools
import re
import secrets
from collections import Counter
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import pytest

from tests.database.rows import NUMBERS, ROWS, SINGLE, Sample
from worksphere_hub import ids
from worksphere_hub.db.logins import ensure_login, ensure_organization_login

# Where an organization may READ another's rows: which ones, and why.
READABLE = {
    "integrations": "visibility = 'public'",  # installing it takes reading its manifest
    "integration_marketplace": "visibility = 'public'",  # a public listing is there to be seen by everybody
    "integration_reviews": "moderation = 'visible'",  # who sees a listing sees what others say about it
}

# Tables that hold no tenant's rows, and the columns of them that a role may write.
NO_TENANT = {
    "deployment": {("hub_worker", "master_key_id"), ("hub_worker", "master_key_check"), ("hub_worker", "pepper")},
    "schema_migrations": set(),
}

CONTEXTS = ("unset", "", "own", "other", "garbage")
READING = {"SELECT", "COPY TO", "SELECT FOR UPDATE"}
REFUSALS = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidTextRepresentationError,  # the garbage context is no uuid
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.FeatureNotSupportedError,  # TRUNCATE of a table that a foreign key points to
    asyncpg.InvalidColumnReferenceError,  # ON CONFLICT on a partition that has no such key
)


@dataclass(frozen=True)
class Login:
    """A login, the group role it is in, and the organization that its name binds it to."""

    name: str
    group: str
    bound: UUID | None = None

    def acting(self, context: str, own: UUID, other: UUID) -> UUID | None:
        """For whom statements of this login count in a context."""
        return self.bound or {"own": own, "other": other}.get(context)


@dataclass(frozen=True)
class Table:
    """A table or partition, the kind of rows in it, and what roles may do in it by grant."""

    name: str
    kind: str
    floor: str
    key: tuple[str, ...]
    grants: dict[str, set[str]]
    updatable: dict[str, str]

    def sample(self, org: UUID, number: int = 0) -> Sample:
        return Sample(self.kind, org, number, self.floor)


@dataclass(frozen=True)
class Cell:
    verb: str
    statement: str
    target: UUID


async def _tables(admin, logins: list[Login]) -> list[Table]:
    """All tables of the schema with what the catalog says about them."""
    rows = await admin.fetch("""
        select c.oid, c.relname as name, c.relispartition, pg_get_expr(c.relpartbound, c.oid) as bound,
            (select array_agg(a.relid::regclass::text) from pg_partition_ancestors(c.oid) a) as ancestors,
            (select array_agg(t.attname::text order by t.attnum) from pg_index i join pg_attribute t
                on t.attrelid = c.oid and t.attnum = any (i.indkey) where i.indrelid = c.oid and i.indisprimary) as key
        from pg_class c where c.relnamespace = 'hub'::regnamespace and c.relkind in ('r', 'p') order by c.relname
    """)
    found = []
    for row in rows:
        if row["name"] in NO_TENANT:
            continue
        names = [row["name"], *(a.removeprefix("hub.") for a in row["ancestors"] or [])]
        kind = next((name for name in names if name in ROWS), None)
        assert kind, f"hub.{row['name']} has no sample row: add it to tests/database/rows.py"
        begins = re.search(r"FROM \('([0-9a-f-]{36})'\)", row["bound"] or "")
        floor = begins[1].replace("-", "")[:12] if begins else "0" * 12
        granted = await admin.fetch(
            """
            select r.role, p.privilege,
                (select min(a.attname) from pg_attribute a
                 where a.attrelid = $1 and a.attnum > 0 and a.attgenerated = ''
                    and has_column_privilege(r.role, a.attrelid, a.attnum, p.privilege)) as column
            from unnest($2::text[]) as r (role), unnest(array['SELECT', 'INSERT', 'UPDATE']) as p (privilege)
            """,
            row["oid"],
            [login.name for login in logins],
        )
        grants = {
            login.name: {g["privilege"] for g in granted if g["role"] == login.name and g["column"]} for login in logins
        }
        updatable = {g["role"]: g["column"] for g in granted if g["privilege"] == "UPDATE" and g["column"]}
        found.append(Table(row["name"], kind, floor, tuple(row["key"]), grants, updatable))
    return found


async def _seed(admin, tables: list[Table], orgs: list[UUID]) -> None:
    """Two rows of each organization in every table, and one in each partition."""
    for kind, org in itertools.product(ROWS, orgs):
        for number in range(NUMBERS.get(kind, 2)):
            statement = Sample(kind, org, number).insert(kind if not kind.endswith("_ended") else "webhook_deliveries")
            await admin.execute(statement + (" on conflict do nothing" if kind in SINGLE else ""))
    for table, org in itertools.product(tables, orgs):
        if table.floor != "0" * 12:
            await admin.execute(table.sample(org).insert(table.name))


def _cells(table: Table, login: Login, target: UUID, thief: UUID) -> list[Cell]:
    """The statements tried on one organization's rows. `thief` is who would get a row that is moved."""
    name, row = f"hub.{table.name}", table.sample(target)
    column, value = row.marker
    mine = f"{column} = '{value}'"
    where = f"{mine} and not ({READABLE[table.kind]})" if table.kind in READABLE else mine
    change = table.updatable.get(login.name, column)
    if change == column and login.name not in table.updatable:
        change = table.key[-1]
    again = f"{change} = excluded.{change}"
    return [
        Cell("SELECT", f"select {column} from {name} where {where}", target),
        Cell("COPY TO", f"select {column} from {name} where {where}", target),
        Cell("SELECT FOR UPDATE", f"select {column} from {name} where {mine} for update", target),
        Cell("INSERT", table.sample(target, 9).insert(table.name), target),
        Cell("UPDATE", f"update {name} set {change} = {change} where {mine}", target),
        Cell("UPDATE of all", f"update {name} set {change} = {change}", target),
        Cell(
            "UPDATE moving it", f"update {name} set {column} = '{table.sample(thief).marker[1]}' where {mine}", target
        ),
        Cell("DELETE", f"delete from {name} where {mine}", target),
        Cell("DELETE of all", f"delete from {name}", target),
        Cell("TRUNCATE", f"truncate {name}", target),
        Cell(
            "MERGE",
            f"merge into {name} t using (select '{value}'::uuid as v) s on t.{column} = s.v"
            f" when matched then update set {change} = t.{change}",
            target,
        ),
        Cell(
            "MERGE deleting",
            f"merge into {name} t using (select '{value}'::uuid as v) s on t.{column} = s.v when matched then delete",
            target,
        ),
        Cell(
            "INSERT ON CONFLICT",
            f"{row.insert(table.name)} on conflict ({', '.join(table.key)}) do update set {again}",
            target,
        ),
    ]


class Matrix:
    """Tries cells one after another and counts what became of them."""

    def __init__(self, admin: asyncpg.Connection, own: UUID, other: UUID) -> None:
        self.admin = admin
        self.own = own
        self.other = other
        self.counts: Counter[str] = Counter()
        self.worked: set[tuple[str, str, str]] = set()
        self.wrong: list[str] = []

    async def truth(self, table: Table, acting: UUID | None) -> str:
        """Where and what every row is that does not belong to the one who acts; a row that is written moves."""
        rows = [org for org in (self.own, self.other) if org != acting]
        column = table.sample(self.own).marker[0]
        values = ", ".join(f"'{table.sample(org).marker[1]}'" for org in rows)
        return await self.admin.fetchval(
            "select md5(coalesce(string_agg(concat(t.tableoid, t.ctid, t.xmin, t::text), ','"
            f" order by t.tableoid, t.ctid), '')) from hub.{table.name} t where t.{column} in ({values})"
        )

    async def run(self, login: Login, context: str, tables: list[Table]) -> None:
        """All cells of one login in one context, in one transaction that is rolled back."""
        acting = login.acting(context, self.own, self.other)
        settings = {"own": str(self.own), "other": str(self.other), "garbage": "no'uuid", "": ""}
        whole = self.admin.transaction()
        await whole.start()
        if context != "unset":
            await self.admin.execute("select set_config('hub.org', $1, true)", settings[context])
        before = {table.name: await self.truth(table, acting) for table in tables}
        await self.admin.execute(f'set local session authorization "{login.name}"')
        await self.admin.execute("savepoint cell")
        for table in tables:
            for target, thief in ((self.own, self.other), (self.other, self.own)):
                for cell in _cells(table, login, target, thief):
                    await self.try_cell(login, table, cell, acting, context, before[table.name])
        await whole.rollback()

    async def try_cell(self, login, table, cell, acting, context, before) -> None:
        name = f"{cell.verb}: {login.group} in context {context!r}: {cell.statement}"
        self.counts["cells"] += 1
        try:
            reached = await self.reach(cell)
        except REFUSALS:
            self.counts["refused"] += 1
            await self.admin.execute("rollback to savepoint cell")
            return
        if reached:
            self.counts["reached"] += 1
            self.worked.add((table.name, login.group, cell.verb))
        if cell.target != acting and reached and not cell.verb.endswith("of all"):
            self.wrong.append(f"{name} -> {reached} foreign rows")
        if cell.verb not in READING:
            await self.admin.execute("reset session authorization")
            if await self.truth(table, acting) != before:
                self.wrong.append(f"{name} -> changed foreign rows")
        await self.admin.execute("rollback to savepoint cell")

    async def reach(self, cell: Cell) -> int:
        """How many rows a statement reached."""
        if cell.verb == "COPY TO":
            lines: list[bytes] = []

            async def take(chunk: bytes) -> None:
                lines.append(chunk)

            status = await self.admin.copy_from_query(cell.statement, output=take)
            assert b"".join(lines).count(b"\n") == int(status.split()[-1])
        else:
            status = await self.admin.execute(cell.statement)
        return int(status.split()[-1]) if status[-1].isdigit() else 1


@pytest.fixture
async def logins(database) -> list[Login]:
    """A login of every sort; that of an organization is bound to the first one."""
    own, mark = ids.new(), secrets.token_hex(4)
    made = [Login(await ensure_organization_login(database.admin_url, own, "secret"), "hub_tenant", own)]
    for group in ("hub_app", "hub_worker", "hub_readonly", "nobody"):
        made.append(Login(f"{group}_{mark}", group))
        await ensure_login(database.admin_url, made[-1].name, "secret", [group] if group != "nobody" else [])
    return made


@pytest.fixture
async def tables(admin, logins) -> list[Table]:
    return await _tables(admin, logins)


@pytest.fixture
async def orgs(admin, logins, tables) -> list[UUID]:
    """Two organizations with rows everywhere, the first of them that of the bound login."""
    found = [logins[0].bound, ids.new()]
    await _seed(admin, tables, found)
    return found


async def _try_all(database, orgs, logins, tables, contexts) -> tuple[Counter[str], set, list[str]]:
    counts: Counter[str] = Counter()
    worked: set[tuple[str, str, str]] = set()
    wrong: list[str] = []
    for context, login in itertools.product(contexts, logins):
        # A setting that was made once is empty and not unset for the rest of the connection.
        connection = await asyncpg.connect(database.admin_url)
        matrix = Matrix(connection, *orgs)
        await matrix.run(login, context, tables)
        await connection.close()
        counts += matrix.counts
        worked |= matrix.worked
        wrong += matrix.wrong
    return counts, worked, wrong


# Tens of thousands of statements, each in a transaction of its own.
@pytest.mark.timeout(900)
async def test_no_cell_reads_or_changes_a_foreign_row(database, logins, tables, orgs, capsys):
    counts, worked, wrong = await _try_all(database, orgs, logins, tables, CONTEXTS)
    with capsys.disabled():
        print(
            f"\nrow-level security: {counts['cells']} cells of {len(tables)} tables and partitions,"
            f" {counts['refused']} refused, {counts['reached']} reached rows of their own, {len(wrong)} foreign ones"
        )
    assert wrong == []
    assert _idle(tables, logins, worked) == []


def _idle(tables: list[Table], logins: list[Login], worked: set[tuple[str, str, str]]) -> list[str]:
    """Grants with which no cell reached a row: those cells would prove nothing."""
    return [
        f"{login.group} never got to {verb} hub.{table.name}"
        for table, login in itertools.product(tables, logins)
        for verb in sorted(table.grants[login.name])
        if (table.name, login.group, verb) not in worked
        # Whoever acts for an organization finds it there already; and the sample review says how it was moderated,
        # which no login may (test_reviews.py inserts those that one may). An organization has one retention, which is
        # there.
        and (table.name, verb)
        not in {("organizations", "INSERT"), ("integration_reviews", "INSERT"), ("webhook_retention", "INSERT")}
    ]


# Each hole with the table that it opens to hub_app, and the verbs that come through.
HOLES = [
    ("create policy hole on hub.api_keys for select to hub_app using (true)", "api_keys", {"SELECT", "COPY TO"}),
    (
        "drop policy own_rows_delete on hub.integration_marketplace",
        "integration_marketplace",
        {"DELETE", "DELETE of all", "MERGE deleting"},
    ),
    ("alter table hub.api_connections disable row level security", "api_connections", {"INSERT", "UPDATE", "MERGE"}),
    (
        (
            "grant select on hub.webhook_events_rest to hub_app;"
            " alter table hub.webhook_events_rest disable row level security"
        ),
        "webhook_events_rest",
        {"SELECT"},
    ),
    ("grant truncate on hub.sync_conflicts to hub_app", "sync_conflicts", {"TRUNCATE"}),
]


@pytest.mark.parametrize("hole", HOLES, ids=[hole[1] for hole in HOLES])
async def test_a_hole_is_noticed(database, admin, logins, tables, orgs, hole):
    statement, name, verbs = hole
    await admin.execute(statement)
    hub_app = [login for login in logins if login.group == "hub_app"]
    there = [table for table in tables if table.name == name]
    _, _, wrong = await _try_all(database, orgs, hub_app, there, ["own"])
    assert verbs <= {each.split(":")[0] for each in wrong}


async def test_tables_without_tenants_are_read_by_the_hub_alone(admin, logins):
    for login, (table, writable) in itertools.product(logins, NO_TENANT.items()):
        columns = await admin.fetch(
            "select attname from pg_attribute where attrelid = $1::regclass and attnum > 0", f"hub.{table}"
        )
        assert "org_id" not in {row["attname"] for row in columns}
        may = await admin.fetchrow(
            "select has_any_column_privilege($1, $2, 'SELECT') as read, has_any_column_privilege($1, $2, 'INSERT') or"
            " has_table_privilege($1, $2, 'DELETE') or has_table_privilege($1, $2, 'TRUNCATE') as write",
            login.name,
            f"hub.{table}",
        )
        assert may["read"] == (login.group in {"hub_app", "hub_worker"})
        assert not may["write"]
        updatable = {
            (login.group, row["attname"])
            for row in columns
            if await admin.fetchval(
                "select has_column_privilege($1, $2, $3, 'UPDATE')", login.name, f"hub.{table}", row["attname"]
            )
        }
        assert updatable == {each for each in writable if each[0] == login.group}
