"""Zoom's events: signed over the raw body, with a receiver that is asked to prove itself every three days."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.errors import WrongReceiver
from worksphere_hub.sandbox.outbox import Delivery, Message, post
from worksphere_hub.sandbox.tokens import App
from worksphere_hub.sandbox.wire import Json
from worksphere_hub.sandbox.zoom.answers import Caller

if TYPE_CHECKING:
    from worksphere_hub.sandbox.zoom.provider import Zoom

_RETRIES = (300.0, 1200.0, 3600.0)
_ANSWER_SECONDS = 3.0
_AGAIN_AFTER = 72 * 3600.0


def signed(secret: str, body: bytes, stamp: int) -> dict[str, str]:
    """The headers by which a receiver knows that it is Zoom."""
    digest = hmac.new(secret.encode(), b"v0:%d:%s" % (stamp, body), hashlib.sha256).hexdigest()
    return {"x-zm-request-timestamp": str(stamp), "x-zm-signature": f"v0={digest}"}


class Webhooks:
    """What Zoom sends to apps about the account."""

    def __init__(self, zoom: "Zoom") -> None:
        self._zoom = zoom

    def emit(self, event: str, payload: Json, caller: Caller | None = None) -> list[Delivery]:
        """To each app that has a receiver and takes this event; `caller` is who did it."""
        who = {"operator": caller.me["email"], "operator_id": caller.me["id"]} if caller and caller.me else {}
        found: list[Delivery] = []
        for app in self._zoom.book.apps.values():
            url, wanted = app.settings.get("event_url"), app.settings.get("events")
            if url and (wanted is None or event in wanted):
                found += self.send(app, str(url), event, {**who, **payload})
        return found

    def send(self, app: App, url: str, event: str, payload: Json) -> list[Delivery]:
        """One event to one address."""
        body = self._body(event, {"account_id": self._zoom.state.account_id, **payload})
        return self._zoom.world.outbox.send(self._message(app, url, event, body))

    async def handshake(self, app: App, url: str) -> None:
        """`endpoint.url_validation`: the plain token must come back with its HMAC. Raises WrongReceiver."""
        plain = self._zoom.identities.text("plain", 22)
        body = self._body("endpoint.url_validation", {"plainToken": plain})
        secret = str(app.settings.get("secret_token", ""))
        headers = {"content-type": "application/json", **signed(secret, body, int(SandboxClock.wall()))}
        reply = await post(url, body, headers, _ANSWER_SECONDS)
        wanted = {
            "plainToken": plain,
            "encryptedToken": hmac.new(secret.encode(), plain.encode(), "sha256").hexdigest(),
        }
        try:
            given = json.loads(reply.body)
        except ValueError:
            given = None
        if not reply.good or given != wanted:
            raise WrongReceiver(f"URL validation failed: the receiver gave {reply.status or reply.failure}.")
        app.settings["validated_at"] = self._zoom.world.clock.epoch()

    def upkeep(self) -> None:
        """Ask receivers again whose last validation is three days old."""
        now = self._zoom.world.clock.epoch()
        for app in self._zoom.book.apps.values():
            if app.settings.get("validated_at", now) + _AGAIN_AFTER <= now:
                app.settings["validated_at"] = now
                body = self._body("endpoint.url_validation", {"plainToken": self._zoom.identities.text("plain", 22)})
                message = self._message(app, str(app.settings["event_url"]), "endpoint.url_validation", body)
                self._zoom.world.outbox.send(message)

    def _body(self, event: str, payload: Json) -> bytes:
        stamp = int(self._zoom.world.clock.epoch() * 1000)
        wanted = {"payload": payload, "event_ts": stamp, "event": event}
        return json.dumps(wanted, separators=(",", ":")).encode()

    def _message(self, app: App, url: str, event: str, body: bytes) -> Message:
        secret = str(app.settings.get("secret_token", ""))
        tracking = self._zoom.identities.text("tracking", 24)

        def sign(_number: int, _reason: str | None) -> Mapping[str, str]:
            headers = {"content-type": "application/json; charset=utf-8", "user-agent": "Zoom Marketplace/1.0a"}
            return {**headers, "x-zm-trackingid": tracking, **signed(secret, body, int(SandboxClock.wall()))}

        return Message("zoom", event, url, body, sign, _RETRIES, _ANSWER_SECONDS)
