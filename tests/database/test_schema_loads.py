"""The composed schema loads on an empty PostgreSQL, old and new, as whoever may install it, and works there."""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import pytest

from tests.conftest import open_folder
from tests.database.postgres15 import postgres15_programs
from tests.database.rows import NUMBERS, ROWS, Sample
from worksphere_hub import ids
from worksphere_hub.db.embedded import EmbeddedServer, free_port
from worksphere_hub.db.migrate import database_folder, migrate

SCHEMA = (database_folder() / "schema-integration-hub.sql").read_text(encoding="utf-8")
CLAIMS = ({"org_id": "{}"}, {"app_metadata": {"org_id": "{}"}})

# What a project on Supabase looks like to whoever opens its SQL editor: `postgres` is no superuser there.
SUPABASE = """
create role postgres login createrole createdb bypassrls password 'secret';
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit password 'secret';
grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres;
"""
# What other managed servers give: roles and databases may be made, and that is all.
MANAGED = "create role postgres login createrole createdb password 'secret'"


@dataclass(frozen=True)
class Installed:
    """A server with the schema loaded by one of its roles."""

    server: EmbeddedServer
    owner: str

    def url(self, user: str | None = None) -> str:
        return self.server.url("product", user=user or self.owner, password="secret")


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def _install(installed: Installed, roles: str) -> None:
    async with _connected(installed.server.url("postgres", password="secret")) as admin:
        if roles:
            await admin.execute(roles)
        await admin.execute(f"create database product owner {installed.owner}")
    async with _connected(installed.url()) as owner:
        await owner.execute(SCHEMA)


async def _inventory(connection) -> list[tuple]:
    rows = await connection.fetch(
        "select relname::text, relkind::text from pg_class where relnamespace = 'hub'::regnamespace union all"
        " select proname, prosrc from pg_proc where pronamespace = 'hub'::regnamespace union all"
        " select name, checksum from hub.schema_migrations order by 1, 2"
    )
    return [tuple(row) for row in rows]


@asynccontextmanager
async def _installation(version: int, roles: str) -> AsyncIterator[Installed]:
    """A new server, the roles it comes with, a database of its owner's, and the schema loaded into it by that one."""
    with open_folder() as folder:
        programs = postgres15_programs(folder) if version == 15 else None
        server = EmbeddedServer(folder / "server", password="secret", port=free_port(), binaries=programs)
        server.start()
        try:
            installed = Installed(server, "postgres" if roles else "hub_admin")
            await _install(installed, roles)
            yield installed
        finally:
            server.stop()


@pytest.fixture(scope="module", params=[15, 18])
def version(request) -> int:
    return request.param


@pytest.fixture(scope="module")
async def supabase(version) -> AsyncIterator[Installed]:
    """The schema in a project on Supabase, loaded as its SQL editor does."""
    async with _installation(version, SUPABASE) as installed:
        yield installed


@pytest.fixture(scope="module")
async def orgs(supabase) -> list:
    """Two organizations with rows in every table, written by the schema's owner."""
    found = [ids.new(), ids.new()]
    async with _connected(supabase.url()) as owner:
        for kind in ROWS:
            for org in found:
                for number in range(NUMBERS.get(kind, 2)):
                    sample = Sample(kind, org, number)
                    ending = " on conflict do nothing" if kind == "webhook_endpoint_revisions" else ""
                    await owner.execute(sample.insert(kind.removesuffix("_ended")) + ending)
    return found


@pytest.mark.parametrize("roles", ["", MANAGED, SUPABASE], ids=["superuser", "managed", "supabase"])
async def test_it_loads_once_and_is_up_to_date_then(version, roles):
    async with _installation(version, roles) as installed, _connected(installed.url()) as owner:
        assert await owner.fetchval("select current_setting('server_version_num')::int / 10000") == version
        before = await _inventory(owner)
        assert "0001_initial" in {row[0] for row in before}
        with pytest.raises(asyncpg.DuplicateSchemaError):
            await owner.execute(SCHEMA)
        await owner.execute("rollback")
        assert await _inventory(owner) == before
        assert await migrate(installed.url()) == []
        assert await _inventory(owner) == before


async def test_rows_that_came_before_their_week_are_moved_into_it(version):
    """Forced row-level security hides them from an owner who is not above it."""
    async with _installation(version, MANAGED) as installed, _connected(installed.url()) as owner:
        await owner.execute(
            "insert into hub.integration_usage_analytics (org_id, id, metric, occurred_at)"
            " select $1, hub.uuidv7_floor(now() + interval '80 days'), 'a', now()", ids.new(),
        )  # fmt: skip
        where = "select tableoid::regclass::text from hub.integration_usage_analytics"
        assert await owner.fetchval(where) == "hub.integration_usage_analytics_rest"
        assert await owner.fetchval("select hub.add_partitions(now() + interval '90 days')") > 0
        assert (await owner.fetchval(where)).startswith("hub.integration_usage_analytics_y")
        # Addressed directly, whatever holds the row shows it to nobody, not even to its owner.
        assert await owner.fetch(f"select from {await owner.fetchval(where)}") == []
        unforced = "select relname from pg_class where relnamespace = 'hub'::regnamespace and relkind in ('r', 'p')"
        assert await owner.fetch(f"{unforced} and not (relrowsecurity and relforcerowsecurity)") == []


async def test_the_migrations_do_the_same_as_the_file(version):
    async with _installation(version, MANAGED) as installed:
        async with _connected(installed.url()) as owner:
            loaded = await _inventory(owner)
            await owner.execute("create database second")
        second = installed.server.url("second", user=installed.owner, password="secret")
        assert await migrate(second) == ["0001_initial"]
        assert await migrate(second) == []
        async with _connected(second) as owner:
            assert await _inventory(owner) == loaded


@asynccontextmanager
async def _request(installed: Installed, role: str, claims: str | None) -> AsyncIterator[asyncpg.Connection]:
    """A transaction as PostgREST opens it for a request."""
    async with _connected(installed.url("authenticator")) as connection, connection.transaction():
        await connection.execute(f"set local role {role}")
        if claims is not None:
            await connection.execute("select set_config('request.jwt.claims', $1, true)", claims)
        yield connection


def _claims(variant: dict, org) -> str:
    return json.dumps(variant).replace("{}", str(org))


@pytest.mark.parametrize("variant", CLAIMS, ids=["org_id", "app_metadata"])
async def test_a_signed_in_user_sees_exactly_the_rows_of_the_organization(supabase, orgs, variant):
    own, other = orgs
    tried = 0
    async with _request(supabase, "authenticated", _claims(variant, own)) as user:
        assert await user.fetchval("select hub.current_org()") == own
        for kind in ROWS:
            table = f"hub.{kind.removesuffix('_ended')}"
            column, mine = Sample(kind, own).marker
            if not await user.fetchval("select has_column_privilege($1, $2, 'SELECT')", table, column):
                continue
            seen = {str(row[0]) for row in await user.fetch(f"select {column} from {table}")}
            # A public integration, its listing and what is said about it are there for everybody.
            public = (
                {str(other)} if kind in {"integrations", "integration_marketplace", "integration_reviews"} else set()
            )
            assert seen == {mine} | public, table
            tried += 1
    assert tried >= 10


@pytest.mark.parametrize(
    "claims", [None, "", "{}", '{"org_id": ""}', '{"org_id": null}', '{"app_metadata": "x"}', "[]"]
)
async def test_a_signed_in_user_without_an_organization_sees_nothing(supabase, orgs, claims):
    async with _request(supabase, "authenticated", claims) as user:
        for kind in ("organizations", "integration_marketplace", "integration_reviews", "webhook_events"):
            assert await user.fetch(f"select * from hub.{kind}") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="your own organization only"):
            await user.fetchval("select hub.trigger_webhook($1, 'a.b', '{}')", orgs[0])


@pytest.mark.parametrize("variant", CLAIMS, ids=["org_id", "app_metadata"])
async def test_a_signed_in_user_publishes_for_the_own_organization_alone(supabase, orgs, variant):
    own, other = orgs
    async with _request(supabase, "authenticated", _claims(variant, own)) as user:
        mark = f"mark-{secrets.token_hex(4)}"
        assert await user.fetchval("select hub.trigger_webhook($1, 'invoice.paid', '{}', $2)", own, mark) == mark
        assert await user.fetchval("select org_id from hub.webhook_events where key = $1", mark) == own
        assert await user.fetchval("select hub.log_integration_usage($1, 'api.calls')", own)
        for call in ("hub.trigger_webhook($1, 'a.b', '{}')", "hub.log_integration_usage($1, 'a.b')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="own organization only"):
                async with user.transaction():
                    await user.fetchval(f"select {call}", other)
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await user.execute("update hub.organizations set name = 'Mine'")


async def test_the_projects_backend_publishes_for_any_organization(supabase, orgs):
    async with _request(supabase, "service_role", None) as backend:
        for org in orgs:
            assert (await backend.fetchval("select hub.trigger_webhook($1, 'a.b', '{}')", org)).startswith("evt_")
            assert await backend.fetchval("select hub.log_integration_usage($1, 'api.calls')", org)


async def test_a_visitor_may_nothing(supabase, orgs):
    for statement in (
        "select * from hub.organizations",
        "select * from hub.integration_marketplace",
        "select hub.current_org()",
        f"select hub.trigger_webhook('{orgs[0]}', 'a.b', '{{}}')",
    ):
        async with _request(supabase, "anon", _claims(CLAIMS[0], orgs[0])) as visitor:
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for schema hub"):
                await visitor.fetch(statement)
