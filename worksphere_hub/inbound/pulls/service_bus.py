"""PURE: Azure Service Bus, a queue or a subscription of a topic: one message at a time, locked until it is kept."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, cast
from urllib.parse import quote, urlsplit

from pydantic import Field

from worksphere_hub.clouds.credentials import SharedKey
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.shared_access import proof
from worksphere_hub.clouds.signer import Signer
from worksphere_hub.inbound.pulls.queue import Answered, EndpointUrl, Fetched, PullRefused, Queue, Shown, refusal

_LIFE = 3600
# What HTTP itself says of an answer; the other headers are properties that the message's sender has set.
_HTTP = frozenset(
    {
        "brokerproperties", "connection", "content-length", "content-type", "date", "location", "server",
        "strict-transport-security", "transfer-encoding",
    }
)  # fmt: skip


class ServiceBus(Queue):
    """A queue, or `topic/subscriptions/name`. What was fetched comes again when its lock ends, unless it is kept."""

    kind: Literal["azure_service_bus"]
    namespace: Annotated[str, Field(min_length=6, max_length=50, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
    entity: Annotated[str, Field(min_length=1, max_length=320, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]
    endpoint_url: EndpointUrl | None = None

    shown: ClassVar[Shown] = SharedKey

    @property
    def address(self) -> str:
        return f"{(self.endpoint_url or f'https://{self.namespace}.servicebus.windows.net').rstrip('/')}/"

    def receive(self, signer: Signer, now: datetime, wait: int, most: int) -> Outgoing:
        del most
        return self._call(signer, now, "POST", f"{quote(self.entity)}/messages/head?timeout={wait}")

    def read(self, answer: Answered) -> list[Fetched]:
        if answer.status == 204:
            return []
        if answer.status not in {200, 201}:
            raise refusal(answer.status, "")
        properties = _object(answer.headers.get("brokerproperties", ""))
        location = urlsplit(answer.headers.get("location", "")).path.lstrip("/")
        identity = properties.get("MessageId")
        # The lock is asked for at the place that was asked, whatever host the answer names.
        if not isinstance(identity, str) or not identity or not location.startswith(f"{quote(self.entity)}/messages/"):
            raise PullRefused("unexpected", "The answer is not what Service Bus gives.")
        attributes = {name: value.strip('"') for name, value in answer.headers.items() if name not in _HTTP}
        return [Fetched(identity, answer.body, attributes, location)]

    def acknowledge(self, signer: Signer, now: datetime, fetched: Sequence[Fetched]) -> list[Outgoing]:
        return [self._call(signer, now, "DELETE", each.receipt) for each in fetched]

    def _call(self, signer: Signer, now: datetime, method: str, path: str) -> Outgoing:
        assert isinstance(signer, SharedKey)
        place = f"https://{self.namespace}.servicebus.windows.net/{self.entity}"
        headers = {"authorization": proof(signer, place, int(now.timestamp()) + _LIFE)}
        return Outgoing(method, self.address + path, headers, b"")


def _object(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
