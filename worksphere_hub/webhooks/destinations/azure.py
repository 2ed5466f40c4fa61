"""PURE: Azure Service Bus and Event Hubs, which speak the same HTTP."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from worksphere_hub.clouds.credentials import SharedKey
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.shared_access import proof
from worksphere_hub.webhooks.destinations.aws import EndpointUrl
from worksphere_hub.webhooks.destinations.destination import Destination, Letter, Ready

# Proofs last so long; a clock may be wrong by some minutes.
_LIFE = 3600
_MANY = "application/vnd.microsoft.servicebus.json"
_Entity = Annotated[str, Meta(min_length=1, max_length=260, pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$")]


class _Azure(Destination, frozen=True, kw_only=True):
    shown: ClassVar[frozenset[str]] = frozenset({"azure"})

    namespace: Annotated[str, Meta(min_length=6, max_length=50, pattern=r"^[A-Za-z][A-Za-z0-9-]*$")]
    endpoint_url: EndpointUrl | None = None

    @property
    def address(self) -> str:
        return f"{(self.endpoint_url or f'https://{self.namespace}.servicebus.windows.net').rstrip('/')}/"

    def _to(self, entity: str, message: dict[str, Any], ready: Ready, now: datetime) -> Outgoing:
        assert isinstance(ready, SharedKey)
        place = f"https://{self.namespace}.servicebus.windows.net/{entity}"
        headers = {"authorization": proof(ready, place, int(now.timestamp()) + _LIFE), "content-type": _MANY}
        # As a list of one: only there have properties a form that leaves no doubt about quotes.
        return Outgoing("POST", f"{self.address}{quote(entity)}/messages", headers, msgspec.json.encode([message]))


class ServiceBus(_Azure, frozen=True, kw_only=True, tag="azure_service_bus"):
    """A queue or a topic. Lanes are its sessions; it drops repetitions where it is set to, by the message's id."""

    entity: _Entity

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        properties = {"MessageId": letter.id[:128], "Label": letter.type or "event"}
        if letter.key is not None:
            properties["SessionId"] = letter.key[:128]
        return self._to(self.entity, {**_message(letter), "BrokerProperties": properties}, ready, now)


class EventHubs(_Azure, frozen=True, kw_only=True, tag="azure_event_hubs"):
    """An event hub. Lanes are its partition keys."""

    event_hub: _Entity

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        made = self._to(self.event_hub, _message(letter), ready, now)
        headers = dict(made.headers)
        if letter.key is not None:
            headers["brokerproperties"] = msgspec.json.encode({"PartitionKey": letter.key[:128]}).decode()
        return replace(made, url=f"{made.url}?timeout=60&api-version=2014-01", headers=headers)


def _message(letter: Letter) -> dict[str, Any]:
    return {"Body": letter.text, "UserProperties": dict(letter.headers)}
