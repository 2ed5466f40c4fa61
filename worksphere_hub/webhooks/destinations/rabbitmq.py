"""PURE: RabbitMQ, by its management API."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from worksphere_hub.clouds.refusals import said
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.webhooks.destinations.destination import Destination, Judgement, Letter, Ready, refused
from worksphere_hub.webhooks.destinations.kafka import Url

_Name = Annotated[str, Meta(max_length=255)]


class _Answer(msgspec.Struct):
    routed: bool = False


class RabbitMq(Destination, frozen=True, kw_only=True, tag="rabbitmq"):
    """An exchange. Without a routing key of its own a message goes by its type. Messages are made to last."""

    shown: ClassVar[frozenset[str]] = frozenset({"basic", "bearer", "oauth2", "mtls"})

    url: Url
    exchange: Annotated[str, Meta(min_length=1, max_length=255)]
    vhost: Annotated[str, Meta(min_length=1, max_length=255)] = "/"
    routing_key: _Name | None = None

    @property
    def address(self) -> str:
        root, vhost = self.url.rstrip("/"), quote(self.vhost, safe="")
        return f"{root}/api/exchanges/{vhost}/{quote(self.exchange, safe='')}/publish"

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        kind = letter.type or "event"
        properties: dict[str, Any] = {
            "delivery_mode": 2, "message_id": letter.id[:255], "type": kind, "timestamp": int(now.timestamp()),
            "content_type": "application/json", "headers": dict(letter.headers),
        }  # fmt: skip
        wanted = {
            "properties": properties,
            "routing_key": kind if self.routing_key is None else self.routing_key,
            "payload": letter.text,
            "payload_encoding": "string",
        }
        headers = {"content-type": "application/json"}
        if isinstance(ready, str):
            headers["authorization"] = ready
        return Outgoing("POST", self.address, headers, msgspec.json.encode(wanted))

    def judge(self, status: int, body: bytes) -> Judgement:
        """A message that no queue is bound for is gone, and answered with 200."""
        if not 200 <= status < 300:
            return Judgement(status)
        if said(body, _Answer).routed:
            return Judgement(status)
        return refused(status, "no queue is bound for its routing key")
