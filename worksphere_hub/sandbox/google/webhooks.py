"""Watch channels: a notification without a body, a token as the only secret, an end that nobody renews."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.errors import WrongReceiver
from worksphere_hub.sandbox.google.answers import refusal
from worksphere_hub.sandbox.google.files import SEES
from worksphere_hub.sandbox.google.state import Change, File
from worksphere_hub.sandbox.outbox import Delivery, Message
from worksphere_hub.sandbox.provider import checked_address
from worksphere_hub.sandbox.wire import Call, Json, answer, empty, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Caller, Google

_USUAL_SECONDS = 3600
_CHANGES_MOST, _FILE_MOST = 7 * 86_400, 86_400
_RETRIES = (1.0, 2.0, 4.0, 8.0, 16.0)
_ANSWER_SECONDS = 10.0


@dataclass(slots=True)
class Channel:
    """One channel: of all changes of somebody (of a shared drive, if one is named), or of one file."""

    id: str
    address: str
    token: str
    user: str
    resource: str
    uri: str
    expires_at: float
    file: str | None
    drive: str | None
    number: int = 0


class Webhooks:
    """The channels that are open."""

    def __init__(self, google: "Google") -> None:
        self._google = google
        self.channels: dict[str, Channel] = {}

    def watch_changes(self, caller: "Caller", call: Call) -> Response:
        """POST /changes/watch"""
        caller.must_have(*SEES)
        return self._open(caller, call, None)

    def watch_file(self, caller: "Caller", call: Call) -> Response:
        """POST /files/{id}/watch"""
        caller.must_have(*SEES)
        return self._open(caller, call, self._google.files.find(caller, call))

    def stop(self, caller: "Caller", call: Call) -> Response:
        """POST /channels/stop"""
        wanted = call.object()
        channel = self.channels.get(str(wanted.get("id")))
        if channel is None or channel.resource != wanted.get("resourceId") or channel.user != caller.user:
            raise refusal(404, "notFound", f"Channel '{wanted.get('id')}' not found for project 'sandbox'")
        del self.channels[channel.id]
        return empty()

    def changed(self, change: Change) -> list[Delivery]:
        """Tell the channels that are about it."""
        self.expire()
        found: list[Delivery] = []
        for channel in self.channels.values():
            about = channel.file in {None, change.file} and channel.drive in {None, change.drive}
            if about and channel.user in change.watchers:
                state = "change" if channel.file is None else _state(change)
                details = [word for word in change.what if word not in {"add", "remove", "trash", "untrash"}]
                found += self.notify(channel, state, details if channel.file else [])
        return found

    def notify(self, channel: Channel, state: str, details: list[str]) -> list[Delivery]:
        """One notification: headers alone."""
        # Numbers grow, and are not one after the other.
        channel.number += 1 if channel.number == 0 else 7
        ends = format_datetime(datetime.fromtimestamp(int(channel.expires_at), UTC), usegmt=True)
        headers = {
            "X-Goog-Channel-ID": channel.id, "X-Goog-Channel-Expiration": ends, "X-Goog-Resource-ID": channel.resource,
            "X-Goog-Resource-URI": channel.uri, "X-Goog-Resource-State": state,
            "X-Goog-Message-Number": str(channel.number),
            "Content-Type": "application/json; charset=utf-8", "User-Agent": "APIs-Google",
        }  # fmt: skip
        if channel.token:
            headers["X-Goog-Channel-Token"] = channel.token
        if details:
            headers["X-Goog-Changed"] = ",".join(details)

        def sign(_number: int, _reason: str | None) -> Mapping[str, str]:
            return headers

        return self._google.world.outbox.send(
            Message("google", state, channel.address, b"", sign, _RETRIES, _ANSWER_SECONDS)
        )

    def expire(self) -> None:
        """Forget channels whose time is over; nobody is told."""
        now = self._google.world.clock.epoch()
        self.channels = {key: one for key, one in self.channels.items() if one.expires_at > now}

    def _open(self, caller: "Caller", call: Call, file: File | None) -> Response:
        wanted = call.object()
        identity, address = str(wanted.get("id") or ""), str(wanted.get("address") or "")
        self._check(wanted, identity, address)
        now = self._google.world.clock.epoch()
        most = _CHANGES_MOST if file is None else _FILE_MOST
        asked = whole(wanted.get("expiration"), 0) / 1000
        expires = min(asked, now + most) if asked > now else now + _USUAL_SECONDS
        drive = call.query.get("driveId")
        where = f"/files/{file.id}" if file else "/changes"
        uri = f"{call.base}/drive/v3{where}?alt=json"
        resource = self._google.identities.text("resource", 27)
        channel = Channel(
            identity, address, str(wanted.get("token") or ""), caller.user, resource, uri, expires,
            file.id if file else None, drive,
        )  # fmt: skip
        self.channels[identity] = channel
        self.notify(channel, "sync", [])
        shown: Json = {"kind": "api#channel", "id": identity, "resourceId": resource, "resourceUri": uri}
        return answer(
            {**shown, "expiration": str(int(expires * 1000)), **({"token": channel.token} if channel.token else {})}
        )

    def _check(self, wanted: Json, identity: str, address: str) -> None:
        if wanted.get("type") not in {"web_hook", "webhook"}:
            raise refusal(400, "invalid", "Invalid value for: type")
        if not identity or len(identity) > 64:
            raise refusal(400, "channelIdInvalid", "Channel id must be 1 to 64 characters long")
        self.expire()
        if identity in self.channels:
            raise refusal(400, "channelIdNotUnique", f"Channel id {identity} not unique")
        try:
            checked_address(address)
        except WrongReceiver as error:
            raise refusal(400, "push.webhookUrlNotHttps", f"WebHook callback must be HTTPS: {address}") from error


def _state(change: Change) -> str:
    words = {"add", "remove", "trash", "untrash"} & set(change.what)
    return words.pop() if words else "update"
