"""`worksphere-hub deliveries`: look at single deliveries, and act on them by hand."""

from typing import Annotated

import typer

from worksphere_hub.cli.client import call, filters, listed
from worksphere_hub.cli.screen import document, table

app = typer.Typer(help="Look at deliveries, retry them, give them up.", no_args_is_help=True)

_FILTERS = ("reason", "event_type", "since", "until")
_OF_TRIES = ("status", "error_cause", "since", "until")


@app.command("list")
def list_deliveries(
    endpoint_id: Annotated[str | None, typer.Option("--endpoint", help="Only of this endpoint.")] = None,
    state: Annotated[str | None, typer.Option(help="Only in this state, e.g. exhausted, parked or blocked.")] = None,
    where: Annotated[list[str] | None, typer.Option(help=f"name=value of {', '.join(_FILTERS)}; repeat.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """List deliveries, those of the newest event first."""
    rows = listed("/v1/deliveries", limit, endpoint_id=endpoint_id, state=state, **filters(where, _FILTERS))
    cells = [
        [row["id"], str(row["event_type"]), row["state"], str(row["reason"] or "-"), str(row["attempts"])]
        for row in rows
    ]
    table(["id", "event type", "state", "reason", "attempts"], cells)


@app.command("attempts")
def list_attempts(
    endpoint_id: Annotated[str | None, typer.Option("--endpoint", help="Only at this endpoint.")] = None,
    outcome: Annotated[str | None, typer.Option(help="delivered, refused, failed; undelivered: the last two.")] = None,
    where: Annotated[list[str] | None, typer.Option(help=f"name=value of {', '.join(_OF_TRIES)}; repeat.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """List attempts at all endpoints, newest first."""
    path = f"/v1/webhook-endpoints/{endpoint_id}/attempts" if endpoint_id else "/v1/attempts"
    rows = listed(path, limit, outcome=outcome, **filters(where, _OF_TRIES))
    cells = [
        [row["delivery_id"], row["started_at"], row["outcome"], str(row["status"] or row["error_cause"] or "-")]
        for row in rows
    ]
    table(["delivery", "started at", "outcome", "status or cause"], cells)


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
