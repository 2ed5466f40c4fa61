"""What Zoom sends: `{"event", "event_ts", "payload": {"account_id", "object"}}`."""

import hashlib
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told

# Which stream has news of an event, and where in its object the record's key stands.
_STREAMS = {"user": ("users", "id"), "meeting": ("meetings", "id"), "recording": ("recordings", "uuid")}


class ZoomInbound(Inbound):
    """Zoom's events; the scheme answers its validation of the URL."""

    scheme = "zoom"

    def read(self, message: Message) -> list[Told]:
        """One fact. Zoom gives none an id: a retry has the same body, which therefore is one."""
        try:
            body = msgspec.json.decode(message.body)
        except msgspec.DecodeError:
            raise Unexpected("Zoom's message is not JSON.") from None
        told = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        if not isinstance(told.get("event"), str):
            raise Unexpected("Zoom's message names no event.")
        if told["event"] == "endpoint.url_validation":
            return []
        payload: dict[str, Any] = told.get("payload") or {}
        stream, name = _STREAMS.get(told["event"].partition(".")[0], (None, ""))
        about: dict[str, Any] = payload.get("object") or {}
        key = about.get(name)
        stamp = told.get("event_ts")
        return [
            Told(
                f"zoom.{told['event']}",
                hashlib.sha256(message.body).hexdigest()[:32],
                payload,
                datetime.fromtimestamp(stamp / 1000, UTC) if isinstance(stamp, int) else None,
                stream,
                None if key is None else (key,),
                str(payload["account_id"]) if payload.get("account_id") else None,
                "access" if told["event"] == "app_deauthorized" else None,
            )
        ]
