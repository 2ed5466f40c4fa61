"""`worksphere-hub keys`: API keys and the master key, from the machine the hub runs on."""

import asyncio
from typing import Annotated

import typer

from worksphere_hub.accounts import bootstrap, organizations
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.app.deployment import master_keys
from worksphere_hub.app.embedded import WORKER_LOGIN
from worksphere_hub.app.rotation import rotate_master_key
from worksphere_hub.app.settings import load_settings
from worksphere_hub.cli.database import opened
from worksphere_hub.cli.screen import say, working
from worksphere_hub.security.vault import create_master_key_file

app = typer.Typer(help="Make API keys; make and rotate the master key.", no_args_is_help=True)


@app.command("create")
def create(
    slug: Annotated[str, typer.Argument(help="The organization's slug.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scopes: Annotated[list[str] | None, typer.Option("--scope", help="Repeat for several; all if none.")] = None,
    days: Annotated[int | None, typer.Option(help="Days until it ends.")] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Requests a second in each API process.")] = None,
) -> None:
    """Make an API key for an organization; prints it, this once."""

    async def work() -> str:
        async with opened() as hub:
            org = await organizations.find_by_slug(hub.database, slug)
            new = NewKey(name, scopes or None, days, rate_limit)
            made = await bootstrap.create_key(hub.database, hub.deployment.pepper, org.id, new, hub.settings.accounts)
            return made.secret.reveal()

    typer.echo(asyncio.run(work()))


@app.command("create-master")
def create_master() -> None:
    """Make a master key file where the settings say it is; never replaces one."""
    file = load_settings().key_file
    key = create_master_key_file(file)
    say(f"{file} holds the new master key {key.kek_id}. Back it up: without it no stored secret can be read")


@app.command("rotate-master")
def rotate_master() -> None:
    """Wrap every organization's data key under the current master key; HUB_OLDER_MASTER_KEYS must hold the old one."""

    async def work() -> int:
        async with opened(WORKER_LOGIN) as hub:
            return await rotate_master_key(hub.database, hub.deployment, master_keys(hub.settings))

    with working("Wrapping data keys anew"):
        count = asyncio.run(work())
    say(f"{count} data keys wrapped anew; none is left under another master key")
