"""Every statement of the room is one that the hub's own logins may run."""

import asyncpg
import pytest

from worksphere_hub.accounts.store import QUERIES

# Rotating the master key is the worker's.
WORKERS = {"stale_organization_keys", "rewrap_organization_key"}


@pytest.mark.parametrize("login", ["app", "worker"])
async def test_every_statement_can_be_prepared_and_planned(house, login):
    connection = await asyncpg.connect(house.app_url if login == "app" else house.worker_url)
    try:
        for name, statement in QUERIES.items().items():
            if (name in WORKERS) != (login == "worker"):
                continue
            count = len((await connection.prepare(statement)).get_parameters())
            # Planning is what asks whether this login may.
            await connection.execute(f"prepare {name} as {statement}")
            nothing = ", ".join(["null"] * count)
            await connection.execute(f"explain execute {name}" + (f"({nothing})" if count else ""))
    finally:
        await connection.close()


async def test_what_has_expired_is_forgotten(office):
    org = await office.organization()
    await office.signed_in(org, "analyst")
    for name in ("live", "dead"):
        await office.admin.execute(
            "insert into hub.invitations (org_id, email, role, digest, expires_at) values ($1, $2, 'analyst', $3,"
            " now() + $4 * interval '1 hour')",
            org, f"{name}@example.com", name.encode().ljust(32), 1 if name == "live" else -1,
        )  # fmt: skip
    await office.admin.execute("update hub.sessions set expires_at = now() - interval '1 second'")
    assert await office.admin.fetchval("select hub.forget_expired()") == 2
    assert await office.admin.fetchval("select email from hub.invitations") == "live@example.com"
