"""Subscriptions: a handshake first, an end that comes soon, renewal, one for each app and resource."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from worksphere_hub.sandbox.clock import parse_iso
from worksphere_hub.sandbox.errors import WrongReceiver
from worksphere_hub.sandbox.microsoft.answers import missing, refusal
from worksphere_hub.sandbox.microsoft.webhooks import Subscription
from worksphere_hub.sandbox.outbox import post
from worksphere_hub.sandbox.provider import checked_address
from worksphere_hub.sandbox.wire import Call, Json, answer, empty

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Caller, Microsoft

_HANDSHAKE_SECONDS = 10.0
_PLAIN_MOST, _RICH_MOST = timedelta(minutes=60), timedelta(minutes=4320)
_CHANNEL = re.compile(r"/?teams/(?P<team>[^/]+)/channels/(?P<channel>[^/]+)/messages")
_CHAT = re.compile(r"/?chats/(?P<chat>[^/]+)/messages")
_EVERYTHING = {"teams/getAllMessages": "teams", "chats/getAllMessages": "chats"}


class Subscriptions:
    """/subscriptions"""

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft

    @property
    def _all(self) -> dict[str, Subscription]:
        return self._microsoft.webhooks.subscriptions

    async def create(self, caller: "Caller", call: Call) -> Response:
        """POST /subscriptions: the receivers are asked first."""
        wanted = call.object()
        subscription = self._checked(caller, wanted, call.base)
        for url in (subscription.url, subscription.lifecycle_url):
            if url:
                await self._handshake(url)
        self._microsoft.webhooks.upkeep()
        self._alone(subscription)
        self._all[subscription.id] = subscription
        return answer(
            {"@odata.context": f"{call.base}/v1.0/$metadata#subscriptions/$entity", **subscription.view()}, 201
        )

    def list(self, caller: "Caller", call: Call) -> Response:
        """GET /subscriptions"""
        rows = [one.view() for one in self._all.values() if one.app is caller.app]
        return self._microsoft.links.page(call, rows, "subscriptions", 100, 999)

    def read(self, caller: "Caller", call: Call) -> Response:
        """GET /subscriptions/{subscription}"""
        return answer(self._one(caller, call).view())

    def renew(self, caller: "Caller", call: Call) -> Response:
        """PATCH /subscriptions/{subscription}: another end."""
        subscription, wanted = self._one(caller, call), call.object()
        if "expirationDateTime" in wanted:
            subscription.expires = self._end(wanted, subscription.certificate is not None, subscription.lifecycle_url)
            subscription.warned = False
        return answer(subscription.view())

    def reauthorize(self, caller: "Caller", call: Call) -> Response:
        """POST /subscriptions/{subscription}/reauthorize"""
        self._one(caller, call).warned = False
        return empty()

    def delete(self, caller: "Caller", call: Call) -> Response:
        """DELETE /subscriptions/{subscription}"""
        del self._all[self._one(caller, call).id]
        return empty()

    def _one(self, caller: "Caller", call: Call) -> Subscription:
        found = self._all.get(call.part("subscription"))
        if found is None or found.app is not caller.app:
            raise missing("Subscription")
        return found

    def _checked(self, caller: "Caller", wanted: Json, base: str) -> Subscription:
        for name in ("changeType", "notificationUrl", "resource", "expirationDateTime"):
            if not wanted.get(name):
                raise refusal(400, "InvalidRequest", f"The property '{name}' is required.")
        kinds = [kind.strip() for kind in wanted["changeType"].split(",")]
        if set(kinds) - {"created", "updated", "deleted"}:
            raise refusal(400, "InvalidRequest", "changeType is made of created, updated and deleted.")
        if len(str(wanted.get("clientState") or "")) > 128:
            raise refusal(400, "InvalidRequest", "clientState must be at most 128 characters long.")
        rich = bool(wanted.get("includeResourceData"))
        if rich and not (wanted.get("encryptionCertificate") and wanted.get("encryptionCertificateId")):
            raise refusal(400, "InvalidRequest", "encryptionCertificate and encryptionCertificateId are required.")
        self._reachable(caller, wanted["resource"])
        lifecycle = wanted.get("lifecycleNotificationUrl")
        for url in filter(None, (wanted["notificationUrl"], lifecycle)):
            try:
                checked_address(url)
            except WrongReceiver as error:
                raise refusal(400, "InvalidRequest", f"The URL must be HTTPS: {url}") from error
        return Subscription(
            self._microsoft.identities.uuid("subscription"), caller.app, caller.user, wanted,
            self._end(wanted, rich, lifecycle), wanted.get("encryptionCertificate") if rich else None,
            self._microsoft.oauth.issuer(base),
        )  # fmt: skip

    def _end(self, wanted: Json, rich: bool, lifecycle: str | None) -> datetime:  # noqa: FBT001 - private
        try:
            end = parse_iso(str(wanted["expirationDateTime"]))
        except ValueError as error:
            raise refusal(400, "InvalidRequest", "expirationDateTime is not a time.") from error
        now = self._microsoft.world.clock.now()
        most = _RICH_MOST if rich else _PLAIN_MOST
        if end > now + most:
            text = f"Subscription expiration can only be {int(most.total_seconds() // 60)} minutes in the future."
            raise refusal(400, "ExtensionError", text)
        if end <= now:
            raise refusal(400, "InvalidRequest", "Subscription expiration is in the past.")
        if end > now + timedelta(hours=1) and not lifecycle:
            text = "lifecycleNotificationUrl is a required property for subscription creation on this resource when expirationDateTime is more than 1 hour."  # fmt: skip # noqa: E501 - the vendor's sentence
            raise refusal(400, "ExtensionError", text)
        return end

    def _reachable(self, caller: "Caller", resource: str) -> None:
        """What is watched must be there for the caller. Answers 400, 403, 404."""
        state, plain = self._microsoft.state, resource.lstrip("/")
        if plain in _EVERYTHING:
            if caller.user is not None:
                raise refusal(403, "Forbidden", "The resource is for applications, not for people.")
            return
        channel, chat = _CHANNEL.fullmatch(plain), _CHAT.fullmatch(plain)
        if channel is None and chat is None:
            raise refusal(400, "InvalidRequest", f"Resource '{resource}' cannot be subscribed to.")
        team = state.teams.get(channel["team"]) if channel else None
        thread = (
            team.channels.get(channel["channel"])
            if team and channel
            else state.chats.get(chat["chat"])
            if chat
            else None
        )
        if thread is None or (caller.user is not None and caller.user not in thread.members):
            raise missing("Resource")

    def _alone(self, subscription: Subscription) -> None:
        for one in self._all.values():
            if one.app is subscription.app and one.wanted["resource"].lstrip("/") == subscription.wanted[
                "resource"
            ].lstrip("/"):
                reason = "[Status Code: Conflict; Reason: Subscription for the resource already exists]"
                raise refusal(409, "ExtensionError", f"Operation: Create; Exception: {reason}")

    async def _handshake(self, url: str) -> None:
        """The receiver must answer with the token, as plain text, within ten seconds."""
        token = f"Validation: Testing client application reachability for subscription Request-Id: {self._microsoft.identities.uuid('validation')}"  # fmt: skip # noqa: E501 - the vendor's sentence
        joint = "&" if "?" in url else "?"
        headers = {"content-type": "text/plain; charset=utf-8"}
        reply = await post(f"{url}{joint}validationToken={quote(token, safe='')}", b"", headers, _HANDSHAKE_SECONDS)
        if reply.status != 200 or reply.kind != "text/plain" or reply.body.decode("utf-8", "replace") != token:
            wanted = "Notification endpoint must respond with 200 OK to validation request."
            raise refusal(400, "ValidationError", f"Subscription validation request failed. {wanted}")
