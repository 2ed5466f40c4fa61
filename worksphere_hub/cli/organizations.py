"""`worksphere-hub organizations`: tenants, from the machine the hub runs on."""

import asyncio
import secrets
from typing import Annotated

import typer

from worksphere_hub import ids
from worksphere_hub.accounts import bootstrap, organizations
from worksphere_hub.app.settings import InvalidSetting
from worksphere_hub.catalog import builtin
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.cli.database import opened
from worksphere_hub.cli.screen import say
from worksphere_hub.db.logins import ensure_organization_login
from worksphere_hub.db.urls import with_login
from worksphere_hub.security.passwords import PasswordHasher

app = typer.Typer(help="Create organizations, their owners and their database logins.", no_args_is_help=True)

Slug = Annotated[str, typer.Argument(help="Lower-case letters, digits and dashes.")]


@app.command("create")
def create(
    slug: Slug,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    operator: Annotated[bool, typer.Option(help="The company that runs the hub: may act for the others.")] = False,
) -> None:
    """Create an organization; prints its id."""

    async def work() -> str:
        async with opened() as hub:
            made = await bootstrap.create_organization(hub.database, slug=slug, name=name or slug, operator=operator)
            if operator:
                await builtin.load(Catalog(hub.database, hub.settings.catalog))
            return ids.encode("org", made.id)

    typer.echo(asyncio.run(work()))


@app.command("owner")
def owner(
    slug: Slug,
    email: str,
    name: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Make somebody an owner, who can then sign in."""

    async def work() -> None:
        hasher = PasswordHasher()
        try:
            async with opened() as hub:
                org = await organizations.find_by_slug(hub.database, slug)
                await bootstrap.create_owner(hub.database, hasher, org.id, email=email, name=name, password=password)
        finally:
            hasher.close()

    asyncio.run(work())
    say(f"{email} is an owner of {slug}")


@app.command("login")
def login(slug: Slug) -> None:
    """Give an organization a PostgreSQL login of its own; prints the URL, which opens its rows and no others."""

    async def work() -> str:
        async with opened() as hub:
            if hub.settings.owner_url is None:
                raise InvalidSetting("Creating a login needs HUB_OWNER_URL, the owner of the schema.")
            owner_url = hub.settings.owner_url.reveal()
            org = await organizations.find_by_slug(hub.database, slug)
            password = secrets.token_hex(24)
            name = await ensure_organization_login(owner_url, org.id, password)
            return with_login(owner_url, name, password)

    typer.echo(asyncio.run(work()))
