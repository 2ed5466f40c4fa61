"""`worksphere-hub deliveries`: look at single deliveries, and act on them by hand."""

from typing import Annotated

import typer

from worksphere_hub.cli.client import call
from worksphere_hub.cli.screen import document, table

app = typer.Typer(help="Look at deliveries, retry them, give them up.", no_args_is_help=True)


@app.command("list")
def list_deliveries(
    endpoint_id: Annotated[str | None, typer.Option("--endpoint", help="Only of this endpoint.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state, e.g. exhausted, parked or blocked.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """List deliveries, those of the newest event first."""
    rows = call("GET", "/v1/deliveries", endpoint_id=endpoint_id, state=state, limit=limit)["data"]
    cells = [
        [row["id"], str(row["event_type"]), row["state"], str(row["reason"] or "-"), str(row["attempts"])]
        for row in rows
    ]
    table(["id", "event type", "state", "reason", "attempts"], cells)


@app.command("show")
def show(delivery_id: str) -> None:
    """Show one delivery with its attempts."""
    found = call("GET", f"/v1/deliveries/{delivery_id}")
    document({**found, "attempts_made": call("GET", f"/v1/deliveries/{delivery_id}/attempts")["data"]})


@app.command("retry")
def retry(delivery_id: str) -> None:
    """Try one delivery now. Its automatic retries are not disturbed."""
    document(call("POST", f"/v1/deliveries/{delivery_id}/retry"))


@app.command("skip")
def skip(delivery_id: str) -> None:
    """Give one delivery up; what waits behind it goes on."""
    document(call("POST", f"/v1/deliveries/{delivery_id}/skip"))
