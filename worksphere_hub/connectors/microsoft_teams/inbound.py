"""What Graph sends: notifications of subscriptions, several in one and without the resource; and their lifecycle."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from worksphere_hub.connectors.microsoft_teams.calls import call, pages
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import BadSettings, Missing, Unexpected
from worksphere_hub.sdk.inbound import Address, Inbound, Message, Subscription, Told

# Without the resource's data an hour is the longest.
_LIFE = timedelta(minutes=58)
_CHANNEL = re.compile(
    r"teams\('(?P<team>[^']+)'\)/channels\('(?P<channel>[^']+)'\)/messages\('(?P<message>[^']+)'\)"
    r"(?:/replies\('(?P<reply>[^']+)'\))?"
)
_CHAT = re.compile(r"chats\('(?P<chat>[^']+)'\)/messages\('(?P<message>[^']+)'\)")


class TeamsInbound(Inbound):
    """Graph's notifications. What proves them is `clientState`, which each carries."""

    scheme = "graph"
    subscribes = True

    def read(self, message: Message) -> list[Told]:
        """A fact for each notification of the message."""
        if "validationToken" in message.query:
            return []
        try:
            body = msgspec.json.decode(message.body)
        except msgspec.DecodeError:
            raise Unexpected("Graph's message is not JSON.") from None
        found = cast("dict[str, Any]", body).get("value") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise Unexpected("Graph's message has no value.")
        return [_told(cast("dict[str, Any]", one)) for one in cast("list[Any]", found) if isinstance(one, dict)]

    async def subscribe(self, api: Api, address: Address) -> Subscription:
        """Watch what `wanted` names: one resource, such as `/teams/{id}/channels/{id}/messages`."""
        if len(address.wanted) != 1:
            raise BadSettings("Graph watches one resource with each subscription: name one.")
        ends = datetime.now(UTC) + _LIFE
        wanted = {
            "changeType": "created,updated,deleted", "notificationUrl": address.url, "resource": address.wanted[0],
            "expirationDateTime": _written(ends), "clientState": address.secret,
        }  # fmt: skip
        made = await call(api, "POST", "/subscriptions", json=wanted, idempotent=False)
        return Subscription({"id": made["id"]}, ends)

    async def adopt(self, api: Api, address: Address) -> Subscription | None:
        """Graph takes one subscription for each app and resource, and lists those that there are."""
        async for found in pages(api, "/subscriptions"):
            for one in found["value"]:
                if one.get("notificationUrl") == address.url:
                    return Subscription({"id": one["id"]}, _read(one["expirationDateTime"]))
        return None

    async def renew(self, api: Api, address: Address, subscription: Subscription) -> Subscription:
        """Make it last; one that has ended is made anew."""
        ends = datetime.now(UTC) + _LIFE
        try:
            path = f"/subscriptions/{subscription.kept['id']}"
            await call(api, "PATCH", path, json={"expirationDateTime": _written(ends)}, idempotent=True)
        except Missing:
            return await self.subscribe(api, address)
        return Subscription(subscription.kept, ends)

    async def cancel(self, api: Api, subscription: Subscription) -> None:
        """End it."""
        with suppress(Missing):
            await call(api, "DELETE", f"/subscriptions/{subscription.kept['id']}", idempotent=True)


def _told(one: dict[str, Any]) -> Told:
    # The proof is not passed on.
    data = {name: value for name, value in one.items() if name not in {"clientState", "validationTokens"}}
    if event := one.get("lifecycleEvent"):
        return Told(f"microsoft-teams.lifecycle.{event}", None, data, concerns="subscription")
    resource = str(one.get("resource", ""))
    stream, key = None, None
    if found := _CHANNEL.search(resource):
        stream, key = "messages", (found["team"], found["channel"], found["message"])
        if found["reply"]:
            stream, key = "replies", (found["team"], found["channel"], found["reply"])
    elif found := _CHAT.search(resource):
        stream, key = "chat_messages", (found["chat"], found["message"])
    return Told(f"microsoft-teams.{one.get('changeType', 'changed')}", None, data, stream=stream, key=key)


def _read(text: str) -> datetime:
    # Seven digits behind the comma are one more than the library reads.
    return datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
