"""PostgreSQL logins: those of the hub's own processes, and those of organizations."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from worksphere_hub.db.failures import translated


def organization_login_name(org: UUID) -> str:
    """The login of an organization; its name is what binds it (see `hub.current_org()`)."""
    return f"hub_org_{org.hex}"


async def ensure_database(owner_url: str, name: str) -> bool:
    """Create a database if there is none of that name; answers whether it did. `owner_url` names another one."""
    with translated():
        connection = await asyncpg.connect(owner_url)
    try:
        if await connection.fetchval("select true from pg_database where datname = $1", name):
            return False
        await connection.execute(f"create database {_identifier(name)} encoding 'UTF8' template template0")
        return True
    finally:
        await connection.close()


async def ensure_login(owner_url: str, login: str, password: str, groups: Sequence[str]) -> None:
    """Create or update a login that is a member of the given group roles and nothing else.

    The password is sent as a SCRAM verifier's input over the owner's connection; the hub's own server logs no
    statement text. Needs CREATEROLE.
    """
    with translated():
        connection = await asyncpg.connect(owner_url)
    try:
        async with connection.transaction():
            exists = await connection.fetchval("select true from pg_roles where rolname = $1", login)
            verb = "alter" if exists else "create"
            secret = await connection.fetchval("select quote_literal($1::text)", password)
            await connection.execute(
                f"{verb} role {_identifier(login)} login nosuperuser nocreatedb nocreaterole password {secret}"
            )
            for group in groups:
                await connection.execute(f"grant {_identifier(group)} to {_identifier(login)}")
    finally:
        await connection.close()


async def ensure_organization_login(owner_url: str, org: UUID, password: str) -> str:
    """Create or update the login with which an organization opens its own rows in psql; answers its name."""
    login = organization_login_name(org)
    await ensure_login(owner_url, login, password, ["hub_tenant"])
    return login


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
