"""The Events API: envelopes, signatures, the handshake, and who is subscribed."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.errors import WrongReceiver
from worksphere_hub.sandbox.identity import UPPER
from worksphere_hub.sandbox.outbox import Delivery, Message, Reply, post
from worksphere_hub.sandbox.slack.state import Channel, Team
from worksphere_hub.sandbox.tokens import App
from worksphere_hub.sandbox.wire import Json

if TYPE_CHECKING:
    from worksphere_hub.sandbox.slack.provider import Slack

# Slack tries again at once, after a minute and after five.
_RETRIES = (0.0, 60.0, 300.0)
_ANSWER_SECONDS = 3.0


def signed(secret: str, body: bytes, stamp: int) -> dict[str, str]:
    """The headers by which a receiver knows that it is Slack."""
    base = b"v0:%d:%s" % (stamp, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(stamp), "X-Slack-Signature": f"v0={digest}"}


class Webhooks:
    """What Slack sends to apps about a workspace."""

    def __init__(self, slack: "Slack") -> None:
        self._slack = slack

    def message(self, team: Team, channel: Channel, message: Json) -> None:
        """Somebody wrote."""
        self._emit_message(team, channel, dict(message))

    def message_changed(self, team: Team, channel: Channel, message: Json) -> None:
        """A message has another text."""
        self._emit_message(team, channel, self._hidden("message_changed", {"message": dict(message)}))

    def message_deleted(self, team: Team, channel: Channel, message: Json) -> None:
        """A message is gone."""
        gone = {"deleted_ts": message["ts"], "previous_message": dict(message)}
        self._emit_message(team, channel, self._hidden("message_deleted", gone))

    def emit(self, team: Team, name: str, event: Json) -> list[Delivery]:
        """To each app that is installed, has a receiver and asked for events of this name."""
        found: list[Delivery] = []
        for app in self._slack.book.apps.values():
            url = app.settings.get("request_url")
            if url and name in app.settings.get("events", []) and self._slack.installed(app, team):
                found += self.send(app, team, str(url), event)
        return found

    def send(self, app: App, team: Team, url: str, event: Json) -> list[Delivery]:
        """One event in its envelope, to one address."""
        body = json.dumps(self._envelope(app, team, event), separators=(",", ":")).encode()
        secret = str(app.settings.get("signing_secret", ""))

        def sign(number: int, reason: str | None) -> Mapping[str, str]:
            headers = {"Content-Type": "application/json", "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
            again = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason or "http_error"}
            stamp = int(SandboxClock.wall())
            return {**headers, **signed(secret, body, stamp), **(again if number else {})}

        message = Message("slack", str(event.get("type", "")), url, body, sign, _RETRIES, _ANSWER_SECONDS)
        return self._slack.world.outbox.send(message)

    async def handshake(self, app: App, url: str) -> None:
        """`url_verification`: the challenge must come back. Raises WrongReceiver."""
        challenge = self._slack.identities.text("challenge", 52)
        wanted = {"token": app.settings.get("verification_token"), "challenge": challenge, "type": "url_verification"}
        body = json.dumps(wanted).encode()
        secret = str(app.settings.get("signing_secret", ""))
        headers = {"Content-Type": "application/json", **signed(secret, body, int(SandboxClock.wall()))}
        reply = await post(url, body, headers, _ANSWER_SECONDS)
        if not reply.good or _challenge(reply) != challenge:
            raise WrongReceiver(
                f"Your request URL gave {reply.status or reply.failure} and did not respond with the challenge."
            )

    def _emit_message(self, team: Team, channel: Channel, event: Json) -> None:
        kind = "group" if channel.private else "channel"
        event |= {"channel": channel.id, "channel_type": kind}
        event.setdefault("event_ts", event["ts"])
        self.emit(team, f"message.{kind}s", event)

    def _hidden(self, subtype: str, more: Json) -> Json:
        stamp = self._slack.stamps.next()
        return {"type": "message", "subtype": subtype, "hidden": True, "ts": stamp, "event_ts": stamp, **more}

    def _envelope(self, app: App, team: Team, event: Json) -> Json:
        identity = f"Ev{self._slack.identities.text('event', 10, UPPER)}"
        bot = team.bots.get(app.client_id, {}).get("id")
        who = {
            "enterprise_id": None,
            "team_id": team.id,
            "user_id": bot,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        if event.get("type") == "app_rate_limited":
            return {"token": app.settings.get("verification_token"), "team_id": team.id, **event}
        return {
            "token": app.settings.get("verification_token"), "team_id": team.id,
            "api_app_id": app.settings.get("app_id"), "event": event, "type": "event_callback", "event_id": identity,
            "event_time": int(self._slack.world.clock.epoch()), "authorizations": [who], "is_ext_shared_channel": False,
            "event_context": f"4-{identity}",
        }  # fmt: skip


def _challenge(reply: Reply) -> str | None:
    """The challenge as text, form or JSON: Slack takes any."""
    text = reply.body.decode("utf-8", "replace").strip()
    if reply.kind == "application/json":
        try:
            return json.loads(text).get("challenge")
        except (ValueError, AttributeError):
            return None
    return parse_qs(text).get("challenge", [text])[0]
