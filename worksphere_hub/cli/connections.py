"""`worksphere-hub connections`: accounts at providers, their health, and links to authorize them."""

import sys
from typing import Annotated

import typer

from worksphere_hub.cli.client import call
from worksphere_hub.cli.screen import document, say, table

app = typer.Typer(help="Connect accounts at providers, test them, and see what ends when.", no_args_is_help=True)


@app.command("create")
def create(
    instance_id: str,
    name: str,
    method: Annotated[str | None, typer.Option(help="One of the manifest's ways of authorizing.")] = None,
) -> None:
    """Create a connection; then `authorize` it, or `enter` its credential."""
    document(call("POST", "/v1/connections", {"instance_id": instance_id, "name": name, "auth_method": method}))


@app.command("list")
def list_connections(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """List connections with their states."""
    rows = call("GET", "/v1/connections", limit=limit)["data"]
    cells = [[row["id"], row["name"], row["status"], row["health"], row["account_label"] or ""] for row in rows]
    table(["id", "name", "status", "health", "account"], cells)


@app.command("show")
def show(connection_id: str) -> None:
    """Show one connection, never its credential."""
    document(call("GET", f"/v1/connections/{connection_id}"))


@app.command("enter")
def enter(connection_id: str) -> None:
    """Enter a credential: `name=value` lines on the input, so that no secret is on the command line."""
    pairs = [line.rstrip("\n").partition("=") for line in sys.stdin if line.strip()]
    credential = {name: value for name, _, value in pairs}
    document(call("PUT", f"/v1/connections/{connection_id}/credential", {"credential": credential}))


@app.command("authorize")
def authorize(connection_id: str) -> None:
    """Make a link for the account's owner, or a code to type in."""
    document(call("POST", f"/v1/connections/{connection_id}/authorize", {}))


@app.command("connect-link")
def connect_link(
    of: Annotated[str, typer.Argument(help="An instance (inst_...), or a connection (con_...) to authorize anew.")],
    product: Annotated[str | None, typer.Option(help="Who asks, in the page's words.")] = None,
    return_url: Annotated[str | None, typer.Option(help="Where the page leads back to.")] = None,
    language: Annotated[str | None, typer.Option(help="en, fr, sw, pt or ar.")] = None,
    minutes: Annotated[int, typer.Option(min=1, max=1_440, help="How long the page is good.")] = 30,
) -> None:
    """Make a page on which a customer connects an account, and print its address: whoever has it may do so."""
    subject = "connection_id" if of.startswith("con_") else "instance_id"
    wanted = {subject: of, "product": product, "return_url": return_url, "language": language}
    document(call("POST", "/v1/connect-sessions", {**wanted, "expires_in": minutes * 60}))


@app.command("test")
def test(connection_id: str) -> None:
    """Test a connection now."""
    document(call("POST", f"/v1/connections/{connection_id}/test"))


@app.command("disconnect")
def disconnect(connection_id: str) -> None:
    """Give the tokens back and destroy the credential."""
    document(call("POST", f"/v1/connections/{connection_id}/disconnect"))


@app.command("delete")
def delete(connection_id: str) -> None:
    """Disconnect and remove a connection."""
    call("DELETE", f"/v1/connections/{connection_id}")
    say(f"{connection_id} is deleted")


@app.command("expiry")
def expiry(days: Annotated[int, typer.Option(min=1, max=730)] = 90) -> None:
    """What ends by itself: grants, idle refresh tokens, client secrets."""
    rows = call("GET", "/v1/connections/expiry", days=days)["data"]
    cells = [[row["expires_at"], row["kind"], row["name"], row["connection_id"] or row["client_id"]] for row in rows]
    table(["ends", "what", "name", "id"], cells)
