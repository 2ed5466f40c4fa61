"""PURE: Google Cloud Pub/Sub."""

import base64
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from worksphere_hub.webhooks.destinations.aws import EndpointUrl
from worksphere_hub.webhooks.destinations.destination import (
    Destination,
    Judgement,
    Letter,
    Outgoing,
    Ready,
    refused,
    said,
)
from worksphere_hub.webhooks.destinations.service_account import GoogleTokens

_TOPIC = r"^projects/[a-z0-9.:-]{1,100}/topics/[A-Za-z][A-Za-z0-9._~%+-]{2,254}$"
_SERVICE = "https://pubsub.googleapis.com/"


class _Error(msgspec.Struct):
    status: str = ""


class _Problem(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


class PubSub(Destination, frozen=True, kw_only=True, tag="google_pubsub"):
    """A topic. Lanes are its ordering keys; a host of one's own is a regional one."""

    shown: ClassVar[frozenset[str]] = frozenset({"google"})

    topic: Annotated[str, Meta(max_length=400, pattern=_TOPIC)]
    endpoint_url: EndpointUrl | None = None

    @property
    def address(self) -> str:
        return f"{(self.endpoint_url or _SERVICE).rstrip('/')}/"

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        assert isinstance(ready, GoogleTokens)
        message: dict[str, Any] = {"data": base64.b64encode(letter.body).decode(), "attributes": dict(letter.headers)}
        if letter.key is not None:
            message["orderingKey"] = letter.key
        # The service of a token is always the same one, whichever of its hosts is asked.
        headers = {"authorization": f"Bearer {ready.token(_SERVICE, now)}", "content-type": "application/json"}
        url = f"{self.address}v1/{self.topic}:publish"
        return Outgoing("POST", url, headers, msgspec.json.encode({"messages": [message]}))

    def judge(self, status: int, body: bytes) -> Judgement:
        """Refusals say why by a word."""
        if 200 <= status < 300:
            return Judgement(status)
        word = said(body, _Problem).error.status
        return refused(status, word, throttled=word == "RESOURCE_EXHAUSTED")
