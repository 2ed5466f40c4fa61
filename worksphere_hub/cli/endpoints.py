"""`worksphere-hub endpoints`: receivers and their attempts."""

from typing import Annotated, Any

import typer

from worksphere_hub.cli.client import call
from worksphere_hub.cli.screen import document, say, table

app = typer.Typer(help="Register receivers and look at their attempts.", no_args_is_help=True)


@app.command("create")
def create(
    url: str,
    event_types: Annotated[list[str] | None, typer.Option("--type", help="Pattern; repeat for several.")] = None,
    description: str = "",
) -> None:
    """Register a receiver; prints its signing secret, this once."""
    body = {"url": url, "event_types": event_types or ["*"], "description": description}
    document(call("POST", "/v1/webhook-endpoints", body))


@app.command("list")
def list_endpoints(limit: Annotated[int, typer.Option(min=1, max=200)] = 50) -> None:
    """List receivers."""
    rows = call("GET", "/v1/webhook-endpoints", limit=limit)["data"]
    cells = [[row["id"], row["status"], _where(row), " ".join(row["event_types"])] for row in rows]
    table(["id", "status", "url or kind", "event types"], cells)


@app.command("test")
def test(endpoint_id: str) -> None:
    """Send a test event to one receiver."""
    document(call("POST", f"/v1/webhook-endpoints/{endpoint_id}/test"))


@app.command("enable")
def enable(endpoint_id: str) -> None:
    """Enable a receiver; what was held for it is sent."""
    document(call("POST", f"/v1/webhook-endpoints/{endpoint_id}/enable"))


@app.command("disable")
def disable(endpoint_id: str) -> None:
    """Disable a receiver; what waits for it is held."""
    document(call("POST", f"/v1/webhook-endpoints/{endpoint_id}/disable"))


@app.command("delete")
def delete(endpoint_id: str) -> None:
    """Delete a receiver; what was still to be delivered is cancelled."""
    call("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")
    say(f"{endpoint_id} is deleted")


@app.command("attempts")
def attempts(endpoint_id: str, limit: Annotated[int, typer.Option(min=1, max=200)] = 20) -> None:
    """List a receiver's attempts, newest first."""
    rows = call("GET", f"/v1/webhook-endpoints/{endpoint_id}/attempts", limit=limit)["data"]
    cells = [
        [
            row["started_at"],
            row["event_id"],
            str(row["attempt"]),
            row["outcome"],
            str(row["status"] or row["error_cause"]),
            f"{row['duration_ms']} ms",
        ]
        for row in rows
    ]
    table(["started at", "event", "attempt", "outcome", "answer", "took"], cells)


@app.command("rotate")
def rotate(
    endpoint_id: str,
    overlap: Annotated[
        int, typer.Option(min=0, max=604_800, help="Seconds the old keys sign beside the new.")
    ] = 86_400,
) -> None:
    """Give a receiver new signing keys; prints the secret, this once. With --overlap 0 the old ones are revoked."""
    document(call("POST", f"/v1/webhook-endpoints/{endpoint_id}/rotate-secret", {"overlap_seconds": overlap}))


@app.command("replay")
def replay(
    endpoint_id: str,
    since: Annotated[str, typer.Option(help="Events accepted from then on, e.g. 2026-11-01T00:00:00Z")],
    what: Annotated[str, typer.Option(help="missing, failed or all")] = "missing",
    rate: Annotated[float | None, typer.Option(help="Deliveries per second at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
) -> None:
    """Send past events to a receiver (again), as a job that outlives this command."""
    body = {"what": what, "since": since, "rate": rate, "dry_run": dry_run}
    document(call("POST", f"/v1/webhook-endpoints/{endpoint_id}/replay", body))


def _where(row: dict[str, Any]) -> str:
    """Where a receiver's messages go: its address, the kind of its destination, or nowhere, since it fetches them."""
    destination: dict[str, str] = row["destination"] or {}
    return str(row["url"] or destination.get("kind", row["kind"]))
