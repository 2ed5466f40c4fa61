"""What Google Drive sends: that something changed, in headers alone, and no word of what. The feed tells that."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from worksphere_hub.connectors.google_drive.calls import DRIVE, EVERYWHERE, call
from worksphere_hub.connectors.google_drive.streams import start_token
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing, Unexpected
from worksphere_hub.sdk.inbound import Address, Inbound, Message, Subscription, Told

# Google's longest for changes is seven days.
_LIFE = timedelta(days=6, hours=23)


class DriveInbound(Inbound):
    """Channels. Their one secret is the token that comes back in a header, which the scheme compares."""

    scheme = "api_key"
    config: ClassVar[Mapping[str, Any]] = {"header": "X-Goog-Channel-Token"}
    subscribes = True

    def read(self, message: Message) -> list[Told]:
        """That files have news; the first message of a channel says only that it is there."""
        channel = message.headers.get("x-goog-channel-id")
        number = message.headers.get("x-goog-message-number")
        state = message.headers.get("x-goog-resource-state")
        if not channel or not number or not state:
            raise Unexpected("This is no message of a Google channel.")
        if state == "sync":
            return []
        data = {"channel": channel, "state": state, "resource": message.headers.get("x-goog-resource-id")}
        return [Told("google-drive.changed", f"{channel}:{number}", data, stream="files")]

    async def subscribe(self, api: Api, address: Address) -> Subscription:
        """Watch the feed of changes."""
        token = await start_token(api, {})
        ends = datetime.now(UTC) + _LIFE
        wanted = {
            "id": str(uuid.uuid4()), "type": "web_hook", "address": address.url, "token": address.secret,
            "expiration": str(int(ends.timestamp() * 1000)),
        }  # fmt: skip
        query = {**EVERYWHERE, "pageToken": token, "includeRemoved": "true"}
        made = await call(api, "POST", f"{DRIVE}/changes/watch", query=query, json=wanted, idempotent=False)
        given = made.get("expiration")
        expires = datetime.fromtimestamp(int(given) / 1000, UTC) if given else ends
        return Subscription({"id": made["id"], "resource": made["resourceId"]}, expires)

    async def renew(self, api: Api, address: Address, subscription: Subscription) -> Subscription:
        """A channel cannot be made longer: another one first, then the end of this."""
        made = await self.subscribe(api, address)
        await self.cancel(api, subscription)
        return made

    async def cancel(self, api: Api, subscription: Subscription) -> None:
        """Stop the channel."""
        wanted = {"id": subscription.kept["id"], "resourceId": subscription.kept["resource"]}
        with suppress(Missing):
            await call(api, "POST", f"{DRIVE}/channels/stop", json=wanted, idempotent=True)
