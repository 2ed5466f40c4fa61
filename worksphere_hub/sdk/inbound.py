"""What a provider sends by itself: how its messages become events, and subscriptions that have to be kept alive."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from worksphere_hub.sdk.api import Api


@dataclass(frozen=True, slots=True)
class Message:
    """A verified message of a provider; header names are in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Told:
    """One fact out of a message. `id` is the provider's own: the same fact twice has the same.

    `stream` and `key` say which record it is about, where that is known: a sync reads that one again. Without a key the
    whole stream has news. `account` is the provider's id of the account, the manifest's `account_key`.
    `concerns` says that it is about the hub's own dealings there: its `access` may have ended, or its `subscription`
    needs seeing to. Nobody's word is taken for it: the provider is asked.
    """

    type: str
    id: str | None
    data: Mapping[str, Any]
    occurred_at: datetime | None = None
    stream: str | None = None
    key: tuple[Any, ...] | None = None
    account: str | None = None
    concerns: Literal["access", "subscription"] | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A provider's promise to send, as long as it is renewed. `kept` is what renewing and cancelling need."""

    kept: Mapping[str, Any]
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where the provider is to send, and the secret that its messages are to carry."""

    url: str
    secret: str
    wanted: Sequence[str] = field(default=())


class Inbound(ABC):
    """What a connector makes of a provider's messages.

    `scheme` is the inbound scheme that verifies them, `config` what it is told besides its secret. `subscribes` says
    that the provider sends when it is asked to, by `subscribe`; else a person sets that up there.
    """

    scheme: str = "hmac"
    config: ClassVar[Mapping[str, Any]] = {}
    subscribes: bool = False

    @abstractmethod
    def read(self, message: Message) -> list[Told]:
        """PURE: the facts of a message; none for one that only wants an answer. Raises Unexpected."""

    async def subscribe(self, api: Api, address: Address) -> Subscription:
        """Ask the provider to send."""
        raise NotImplementedError(f"{type(self).__name__} does not subscribe: {api}, {address.url}")

    async def adopt(self, api: Api, address: Address) -> Subscription | None:
        """A subscription for this address that is there already: made before, by one who died before he wrote it down.

        None where there is none, or where the provider does not tell: then another one is made, and what the old one
        sends comes twice until it ends.
        """
        del api, address

    async def renew(self, api: Api, address: Address, subscription: Subscription) -> Subscription:
        """Keep a subscription alive: the same one, or a new one that overlaps it. Only for those that expire."""
        del api, address
        return subscription

    async def cancel(self, api: Api, subscription: Subscription) -> None:
        """End it; one that is gone is ended."""
        del api, subscription
