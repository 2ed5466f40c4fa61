"""`worksphere-hub marketplace`: look around, install, upgrade."""

import json
from typing import Annotated, Any

import typer

from worksphere_hub.cli.client import call
from worksphere_hub.cli.screen import document, say, table
from worksphere_hub.errors import HubError

app = typer.Typer(help="Find integrations, install and upgrade them.", no_args_is_help=True)


class NoSetting(HubError):
    """A setting cannot be read."""

    code = "no_setting"


@app.command("list")
def list_listings(
    q: Annotated[str | None, typer.Argument(help="Beginnings of words.")] = None,
    category: str | None = None,
    auth_type: str | None = None,
    sort: Annotated[str | None, typer.Option(help="relevance, rating, installs, newest or name")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
) -> None:
    """Look around."""
    query = {"q": q, "category": category, "auth_type": auth_type, "sort": sort, "limit": limit}
    rows = call("GET", "/v1/marketplace", **query)["data"]
    cells = [
        [
            row["slug"],
            row["version"],
            row["category"],
            ",".join(row["auth_types"]),
            row["tier"],
            f"{row['rating']['average'] or '-'} ({row['rating']['count']})",
            "installed" if row["installed"] else "",
            row["name"],
        ]
        for row in rows
    ]
    table(["slug", "version", "category", "auth", "tier", "rating", "", "name"], cells)


@app.command("show")
def show(slug: str) -> None:
    """Show a listing: what it asks for, its versions, its quality."""
    document(call("GET", f"/v1/marketplace/{slug}"))


@app.command("install")
def install(
    slug: str,
    name: str | None = None,
    environment: str = "production",
    settings: Annotated[list[str] | None, typer.Option("--set", help="name=value; repeat for several.")] = None,
    draft: Annotated[bool, typer.Option("--draft", help="Leave it a draft.")] = False,
) -> None:
    """Install the version that a listing offers."""
    body = {"name": name, "environment": environment, "settings": _settings(settings or []), "enable": not draft}
    document(call("POST", f"/v1/marketplace/{slug}/install", body))


@app.command("upgrade")
def upgrade(
    instance_id: str,
    yes: Annotated[bool, typer.Option("--yes", help="Agree to what it asks for without being asked.")] = False,
) -> None:
    """Show what an upgrade would ask for besides, and do it once that is agreed to."""
    shown = call("GET", f"/v1/instances/{instance_id}/upgrade")
    if not shown["available"]:
        say(f"{shown['from_version']} is the newest version that is offered")
        return
    document(shown)
    if not yes:
        typer.confirm(f"Upgrade from {shown['from_version']} to {shown['to_version']}?", abort=True, err=True)
    after = call("POST", f"/v1/instances/{instance_id}/upgrade", {"digest": shown["digest"]})
    say(f"{after['name']} is at {after['version']}")


@app.command("rollback")
def rollback(instance_id: str) -> None:
    """Go back to the version before the last upgrade."""
    after = call("POST", f"/v1/instances/{instance_id}/rollback")
    say(f"{after['name']} is at {after['version']}")


@app.command("uninstall")
def uninstall(
    instance_id: str,
    yes: Annotated[bool, typer.Option("--yes", help="Without being asked.")] = False,
) -> None:
    """Say what goes with an instance, and delete it once that is agreed to."""
    say(call("GET", f"/v1/instances/{instance_id}/uninstall")["sentence"])
    if not yes:
        typer.confirm("Uninstall it?", abort=True, err=True)
    call("DELETE", f"/v1/instances/{instance_id}")
    say(f"{instance_id} is uninstalled")


def _settings(given: list[str]) -> dict[str, Any]:
    """`name=value` each; what is JSON is taken as such, all else as text."""
    found: dict[str, Any] = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not separator:
            raise NoSetting(f"{each} is not name=value.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
