"""`worksphere-hub integrations`: definitions of one's own, and what is installed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from worksphere_hub.cli.client import call
from worksphere_hub.cli.screen import document, say, table
from worksphere_hub.errors import HubError

app = typer.Typer(help="Define integrations by manifests; look at what is installed.", no_args_is_help=True)

_File = Annotated[Path, typer.Argument(help="A manifest, as JSON.", exists=True, dir_okay=False)]


class NoManifest(HubError):
    """The file holds no manifest."""

    code = "no_manifest"


@app.command("list")
def list_integrations(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """List the organization's own integrations, each version for itself."""
    rows = call("GET", "/v1/integrations", limit=limit)["data"]
    cells = [[row["id"], row["slug"], row["version"], row["state"], row["tier"], row["name"]] for row in rows]
    table(["id", "slug", "version", "state", "tier", "name"], cells)


@app.command("show")
def show(integration_id: str) -> None:
    """Show one version with its manifest."""
    document(call("GET", f"/v1/integrations/{integration_id}"))


@app.command("validate")
def validate(file: _File) -> None:
    """Tell everything that is wrong with a manifest; exit status 1 if anything is."""
    verdict = call("POST", "/v1/integrations/validate", {"manifest": _read(file)})
    if verdict["valid"]:
        say(f"{file} can be registered; its tier is {verdict['tier']}")
        return
    table(["field", "problem"], [[each["field"], each["message"]] for each in verdict["problems"]])
    raise typer.Exit(1)


@app.command("create")
def create(
    file: _File, publish: Annotated[bool, typer.Option("--publish", help="Publish it at once.")] = False
) -> None:
    """Register a manifest as a draft, a new version of an integration too."""
    made = call("POST", "/v1/integrations", {"manifest": _read(file)})
    document(call("POST", f"/v1/integrations/{made['id']}/publish") if publish else made)


@app.command("update")
def update(integration_id: str, file: _File) -> None:
    """Give a draft another manifest."""
    document(call("PATCH", f"/v1/integrations/{integration_id}", {"manifest": _read(file)}))


@app.command("publish")
def publish(integration_id: str) -> None:
    """Publish a draft: it never changes from then on."""
    document(call("POST", f"/v1/integrations/{integration_id}/publish"))


@app.command("withdraw")
def withdraw(
    integration_id: str,
    reason: Annotated[str, typer.Option(help="Told to everybody who has it installed.")],
    stop: Annotated[bool, typer.Option("--stop", help="Also stop its instances.")] = False,
) -> None:
    """Withdraw a version, for good."""
    told = call("POST", f"/v1/integrations/{integration_id}/withdraw", {"reason": reason, "stop": stop})
    say(f"{told['slug']} {told['version']} is withdrawn; {told['instances']} instances were told")


@app.command("delete")
def delete(integration_id: str) -> None:
    """Delete a draft, or a version that is neither installed nor listed."""
    call("DELETE", f"/v1/integrations/{integration_id}")
    say(f"{integration_id} is deleted")


@app.command("instances")
def instances(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """List what is installed."""
    rows = call("GET", "/v1/instances", limit=limit)["data"]
    cells = [[row["id"], row["slug"], row["version"], row["environment"], row["status"], row["name"]] for row in rows]
    table(["id", "slug", "version", "environment", "status", "name"], cells)


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NoManifest(f"{file} is not JSON: {error}.") from None
