"""`worksphere-hub events`: publish, look, and ask why."""

import json
from typing import Annotated

import typer

from worksphere_hub.cli.client import call, filters, listed
from worksphere_hub.cli.screen import document, table
from worksphere_hub.errors import InvalidInput

app = typer.Typer(help="Publish events and see what became of them.", no_args_is_help=True)

_FILTERS = ("channel", "ordering_key", "attribute", "idempotency_key", "since", "until")


@app.command("publish")
def publish(
    event_type: Annotated[str, typer.Argument(help="For example invoice.paid")],
    data: Annotated[str, typer.Argument(help="JSON")] = "{}",
    event_id: Annotated[str | None, typer.Option("--id", help="Your own id: publishing it again does nothing.")] = None,
) -> None:
    """Publish one event."""
    try:
        parsed = json.loads(data)
    except ValueError as error:
        raise InvalidInput(f"The data is not JSON: {error}.") from None
    body = {"type": event_type, "data": parsed} | ({"id": event_id} if event_id else {})
    document(call("POST", "/v1/events", body))


@app.command("list")
def list_events(
    event_type: Annotated[str | None, typer.Option("--type", help="Only of this type, or of invoice.*")] = None,
    where: Annotated[list[str] | None, typer.Option(help=f"name=value of {', '.join(_FILTERS)}; repeat.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
) -> None:
    """List events, newest first."""
    rows = listed("/v1/events", limit, type=event_type, **filters(where, _FILTERS))
    table(["id", "type", "occurred at"], [[row["id"], row["type"], row["occurred_at"]] for row in rows])


@app.command("show")
def show(event_id: str) -> None:
    """Show one event with its data."""
    document(call("GET", f"/v1/events/{event_id}"))


@app.command("why")
def why(event_id: str) -> None:
    """Say for every endpoint why it did, or did not, get this event, and how far its delivery is."""
    rows = call("GET", f"/v1/events/{event_id}/deliveries")["data"]
    nothing: dict[str, object] = {}
    cells: list[list[str]] = []
    for row in rows:
        delivery: dict[str, object] = row["delivery"] or nothing
        state, attempts = delivery.get("state", "-"), delivery.get("attempts", "-")
        cells.append([row["endpoint_id"], row["verdict"], str(state), str(attempts), row["explanation"]])
    table(["endpoint", "verdict", "delivery", "attempts", "why"], cells)


@app.command("replay")
def replay(
    event_id: str,
    endpoint_ids: Annotated[list[str] | None, typer.Option("--endpoint", help="Only to this one; repeat.")] = None,
) -> None:
    """Send one event again, to the endpoints it is for now."""
    body = {"endpoint_ids": endpoint_ids} if endpoint_ids else {}
    document(call("POST", f"/v1/events/{event_id}/replay", body))
