"""PURE: Google Cloud Pub/Sub."""

import base64
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from worksphere_hub.clouds.refusals import google_code, is_throttled
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.service_account import GoogleTokens
from worksphere_hub.webhooks.destinations.aws import EndpointUrl
from worksphere_hub.webhooks.destinations.destination import Destination, Judgement, Letter, Ready, refused

_TOPIC = r"^projects/[a-z0-9.:-]{1,100}/topics/[A-Za-z][A-Za-z0-9._~%+-]{2,254}$"
_SERVICE = "https://pubsub.googleapis.com/"


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
        word = google_code(body)
        return refused(status, word, throttled=is_throttled(word))
