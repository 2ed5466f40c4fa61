"""take_oauth_flow(): once, in time, in the browser that set out, whichever organization it was for."""

import asyncpg
import pytest

from tests.database.rows import Sample

BEGIN = (
    "insert into hub.oauth_flows (org_id, connection_id, state_digest, browser_digest, sealed_verifier, redirect_uri,"
    " issuer, requested_scopes, expires_at) values ($1, $2, sha256($3), sha256('browser'), 'sealed',"
    " 'https://hub.example/callback', 'https://provider.example', '{read}', now() + $4::text::interval) returning id"
)
TAKE = "select * from hub.take_oauth_flow(sha256($1), sha256($2))"


@pytest.fixture
async def connection(admin, two_orgs) -> str:
    """A connection of the first organization that waits to be authorized."""
    for kind in ("integrations", "integration_instances", "api_connections"):
        await admin.execute(Sample(kind, two_orgs[0]).insert(kind))
    return Sample("api_connections", two_orgs[0]).id


async def _begin(app, org, connection, state=b"state", lasts="10 minutes"):
    async with app.transaction():
        await app.execute("select set_config('hub.org', $1, true)", str(org))
        return await app.fetchval(BEGIN, org, connection, state, lasts)


async def test_it_is_taken_once_before_anybody_knows_the_organization(app, two_orgs, connection):
    begun = await _begin(app, two_orgs[0], connection)
    (flow,) = await app.fetch(TAKE, b"state", b"browser")
    assert (flow["org_id"], flow["id"], str(flow["connection_id"])) == (two_orgs[0], begun, connection)
    assert (flow["sealed_verifier"], flow["issuer"], flow["requested_scopes"]) == (
        b"sealed", "https://provider.example", ["read"],
    )  # fmt: skip
    assert await app.fetch(TAKE, b"state", b"browser") == []


@pytest.mark.parametrize(("state", "browser"), [(b"state", b"other"), (b"other", b"browser"), (None, None)])
async def test_another_browser_or_state_takes_nothing_and_spends_nothing(app, two_orgs, connection, state, browser):
    await _begin(app, two_orgs[0], connection)
    assert await app.fetch(TAKE, state, browser) == []
    assert len(await app.fetch(TAKE, b"state", b"browser")) == 1


async def test_too_late_is_not_at_all(app, two_orgs, connection):
    await _begin(app, two_orgs[0], connection, lasts="-1 second")
    assert await app.fetch(TAKE, b"state", b"browser") == []


async def test_a_suspended_organization_connects_nothing(admin, app, two_orgs, connection):
    await _begin(app, two_orgs[0], connection)
    await admin.execute("update hub.organizations set suspended_at = now()")
    assert await app.fetch(TAKE, b"state", b"browser") == []


async def test_a_state_is_not_used_twice(app, two_orgs, connection):
    await _begin(app, two_orgs[0], connection)
    with pytest.raises(asyncpg.UniqueViolationError):
        await _begin(app, two_orgs[0], connection)


async def test_what_is_secret_is_not_read_otherwise_nor_taken_by_others(app, worker, tenant, publisher, two_orgs):
    for column in ("state_digest", "browser_digest", "sealed_verifier"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await app.fetch(f"select {column} from hub.oauth_flows")
    for login in (worker, tenant, publisher):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for function"):
            await login.fetch(TAKE, b"state", b"browser")
