"""PURE: Google Cloud Pub/Sub, a subscription that is pulled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field

from worksphere_hub.clouds.credentials import ServiceAccount
from worksphere_hub.clouds.refusals import google_code
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.service_account import GoogleTokens
from worksphere_hub.clouds.signer import Signer
from worksphere_hub.inbound.pulls.queue import Answered, EndpointUrl, Fetched, PullRefused, Queue, Shown, refusal

_NAME = r"^projects/[a-z0-9.:-]{1,100}/subscriptions/[A-Za-z][A-Za-z0-9._~%+-]{2,254}$"
_SERVICE = "https://pubsub.googleapis.com/"


class _Message(msgspec.Struct, rename="camel"):
    message_id: str
    data: bytes = b""
    attributes: dict[str, str] = {}


class _Received(msgspec.Struct, rename="camel"):
    ack_id: str
    message: _Message


class _Answer(msgspec.Struct, rename="camel"):
    received_messages: list[_Received] = []


class PubSub(Queue):
    """A subscription. What was fetched comes again after its acknowledgement deadline, unless it is kept by then."""

    kind: Literal["google_pubsub"]
    subscription: Annotated[str, Field(max_length=400, pattern=_NAME)]
    endpoint_url: EndpointUrl | None = None

    shown: ClassVar[Shown] = ServiceAccount

    @property
    def address(self) -> str:
        return f"{(self.endpoint_url or _SERVICE).rstrip('/')}/"

    def receive(self, signer: Signer, now: datetime, wait: int, most: int) -> Outgoing:
        # It waits by itself, for as long as it sees fit.
        del wait
        return self._call(signer, now, "pull", {"maxMessages": most})

    def read(self, answer: Answered) -> list[Fetched]:
        if answer.status != 200:
            raise refusal(answer.status, google_code(answer.body))
        try:
            found = msgspec.json.decode(answer.body, type=_Answer).received_messages
        except msgspec.MsgspecError:
            raise PullRefused("unexpected", "The answer is not what Pub/Sub gives.") from None
        told = ((each.message, each.ack_id) for each in found)
        return [Fetched(message.message_id, message.data, message.attributes, receipt) for message, receipt in told]

    def acknowledge(self, signer: Signer, now: datetime, fetched: Sequence[Fetched]) -> list[Outgoing]:
        return [self._call(signer, now, "acknowledge", {"ackIds": [each.receipt for each in fetched]})]

    def _call(self, signer: Signer, now: datetime, verb: str, wanted: dict[str, Any]) -> Outgoing:
        assert isinstance(signer, GoogleTokens)
        headers = {"authorization": f"Bearer {signer.token(_SERVICE, now)}", "content-type": "application/json"}
        return Outgoing("POST", f"{self.address}v1/{self.subscription}:{verb}", headers, msgspec.json.encode(wanted))
