"""PostgreSQL logins: those of the hub's own processes, and those of organizations."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from worksphere_hub.db.connect import connected
from worksphere_hub.db.failures import permitted

# Any two processes that make logins must agree on this number; it has no other meaning.
_LOCK = 0x4855_424C_4F47

_ADVICE = "Do this as a role that may create databases and roles."


def organization_login_name(org: UUID) -> str:
    """The login of an organization; its name is what binds it (see `hub.current_org()`)."""
    return f"hub_org_{org.hex}"


async def ensure_database(owner_url: str, name: str) -> bool:
    """Create a database if there is none of that name; answers whether it did. `owner_url` names another one."""
    with permitted(_ADVICE):
        async with connected(owner_url) as connection:
            if await connection.fetchval("select true from pg_database where datname = $1", name):
                return False
            try:
                await connection.execute(f"create database {_identifier(name)} encoding 'UTF8' template template0")
            except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                # Somebody else was quicker by a moment.
                return False
            return True


async def ensure_login(owner_url: str, login: str, password: str, groups: Sequence[str]) -> None:
    """Create or update a login and make it a member of the given group roles. Needs CREATEROLE.

    The password is part of the statement, so a server of the operator's that logs DDL logs it; the hub's own does not.
    """
    with permitted(_ADVICE):
        async with connected(owner_url) as connection, connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            exists = await connection.fetchval("select true from pg_roles where rolname = $1", login)
            # An existing one is given the password and nothing else: taking rights away is for superusers alone.
            start = "alter role" if exists else "create role"
            rights = "" if exists else "nosuperuser nocreatedb nocreaterole"
            secret = await connection.fetchval("select quote_literal($1::text)", password)
            await connection.execute(f"{start} {_identifier(login)} login {rights} password {secret}")
            for group in groups:
                await connection.execute(f"grant {_identifier(group)} to {_identifier(login)}")


async def ensure_organization_login(owner_url: str, org: UUID, password: str) -> str:
    """Create or update the login with which an organization opens its own rows in psql; answers its name."""
    login = organization_login_name(org)
    await ensure_login(owner_url, login, password, ["hub_tenant"])
    return login


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
