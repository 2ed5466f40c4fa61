"""What any sender posts by Standard Webhooks: `{"type", "data"}`, its id in `webhook-id`."""

import re
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told

_TYPE = re.compile(r"[A-Za-z0-9_]+(?:[.:/-][A-Za-z0-9_]+){0,20}")
_LONGEST = 100
_OTHER = re.compile(r"[^a-z0-9_]+")


class WebhookInbound(Inbound):
    """One fact a message. Whatever a sender calls it comes as `webhook.<that>`."""

    scheme = "standard"

    def read(self, message: Message) -> list[Told]:
        """The fact, about no record that is known."""
        try:
            body = msgspec.json.decode(message.body)
        except msgspec.DecodeError:
            raise Unexpected("The message is not JSON.") from None
        told = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
        name = told.get("type")
        if not isinstance(name, str) or len(name) > _LONGEST or not _TYPE.fullmatch(name):
            raise Unexpected("The message has no type of at most 100 characters such as order.paid.")
        words = ".".join(
            part for part in (_OTHER.sub("_", each.lower()).strip("_") for each in name.split(".")) if part
        )
        data = told.get("data")
        shown = cast("dict[str, Any]", data) if isinstance(data, dict) else {"value": data}
        return [Told(f"webhook.{words}", message.headers.get("webhook-id"), shown)]
