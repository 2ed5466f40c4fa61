"""`worksphere-hub listen`: an organization's deliveries at a local port, through the hub's own API and no tunnel."""

import base64
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from worksphere_hub.cli.client import ApiRefused, HubAway, call
from worksphere_hub.cli.screen import out, say
from worksphere_hub.errors import InvalidInput

_WAIT = 15
_AWAY_SECONDS = 2.0
_LOCAL_SECONDS = 30.0


class _AsItIs(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """A redirect is an answer like any other: a receiver of the hub is not followed elsewhere either."""


_local = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AsItIs)


def listen(
    forward_to: Annotated[str, typer.Option(help="Where your handler listens, e.g. http://localhost:3000/hook")],
    event_types: Annotated[list[str] | None, typer.Option("--type", help="Pattern; repeat for several.")] = None,
    endpoint_id: Annotated[
        str | None, typer.Option("--endpoint", help="A pull endpoint of yours, which stays; else one is made for now.")
    ] = None,
) -> None:
    """Forward deliveries to a local port as they happen. Type r and Enter to have the last one sent again."""
    if not forward_to.startswith(("http://", "https://")):
        raise InvalidInput(f"--forward-to must begin with http:// or https://, and {forward_to} does not.")
    with _endpoint(endpoint_id, event_types or ["*"]) as endpoint:
        last: list[str] = []
        threading.Thread(target=_take_orders, args=(last,), daemon=True).start()
        say(f"forwarding to {forward_to}; Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            while True:
                _round(endpoint, forward_to, last)


@contextmanager
def _endpoint(known: str | None, event_types: list[str]) -> Generator[str]:
    """A pull endpoint to listen at: the given one, or one that lasts as long as the block."""
    if known is not None:
        yield known
        return
    wanted = {"kind": "pull", "event_types": event_types, "description": "worksphere-hub listen"}
    made = call("POST", "/v1/webhook-endpoints", wanted)
    say(f"signing secret: {made['secret']}")
    try:
        yield made["id"]
    finally:
        call("DELETE", f"/v1/webhook-endpoints/{made['id']}")


def _round(endpoint: str, forward_to: str, last: list[str]) -> None:
    """Fetch what there is, forward it, and say what became of it."""
    try:
        messages = call("GET", f"/v1/webhook-endpoints/{endpoint}/messages", wait=_WAIT, limit=50)["data"]
        for message in messages:
            result = _forward(message, forward_to)
            call("POST", f"/v1/webhook-endpoints/{endpoint}/messages/acknowledge", {"messages": [result]})
            last[:] = [message["delivery_id"]]
            answer = result.get("status") or result["error"]
            took = f"{result['duration_ms']} ms"
            out.print(f"{time.strftime('%H:%M:%S')}  {message['event_type']}  {message['event_id']}  {answer}  {took}")
    except HubAway as away:
        # What was fetched and not acknowledged is given out again.
        say(f"{away.detail} Trying again.")
        time.sleep(_AWAY_SECONDS)


def _forward(message: dict[str, Any], forward_to: str) -> dict[str, Any]:
    done: dict[str, Any] = {"delivery_id": message["delivery_id"]}
    if message["body"] is None:
        return done | {"error": message["error"], "duration_ms": 0}
    text = message["body"]
    body = base64.b64decode(text) if message["encoding"] == "base64" else text.encode()
    request = urllib.request.Request(forward_to, data=body, headers=message["headers"], method="POST")  # noqa: S310
    began = time.monotonic()
    try:
        with _local.open(request, timeout=_LOCAL_SECONDS) as answer:
            done["status"] = answer.status
    except urllib.error.HTTPError as error:
        done["status"] = error.code
    except OSError as error:
        done["error"] = f"{forward_to} did not answer: {getattr(error, 'reason', error)}"[:500]
    return done | {"duration_ms": int((time.monotonic() - began) * 1000)}


def _take_orders(last: list[str]) -> None:
    """Have the last delivery sent again for each line that says r."""
    for line in sys.stdin:
        if line.strip() != "r":
            continue
        if not last:
            say("nothing has come yet")
            continue
        try:
            call("POST", f"/v1/deliveries/{last[0]}/retry")
        except (ApiRefused, HubAway) as error:
            say(error.detail)
