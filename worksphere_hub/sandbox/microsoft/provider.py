"""Microsoft Teams as a whole: one tenant."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.consent import Account, Consent, Manner
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.microsoft.answers import Links, problem, refusal
from worksphere_hub.sandbox.microsoft.directory import Directory
from worksphere_hub.sandbox.microsoft.messages import Messages
from worksphere_hub.sandbox.microsoft.oauth import RESERVED, OAuth
from worksphere_hub.sandbox.microsoft.state import load
from worksphere_hub.sandbox.microsoft.subscriptions import Subscriptions
from worksphere_hub.sandbox.microsoft.webhooks import LIFECYCLE, Webhooks
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.tokens import App, Refusal
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, inside, route

_BATCH = 20
_READ_CHANNEL = ("ChannelMessage.Read.All", "Group.Read.All")
_READ_CHAT = ("Chat.Read", "Chat.ReadWrite", "Chat.Read.All")
_REASONS = {
    "unknown_token": "Invalid authentication token.", "revoked_token": "Access token has been revoked.",
    "expired_token": "Lifetime validation failed, the token is expired.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: an app, for somebody or (`user` is None) for itself."""

    app: App
    user: str | None
    scopes: frozenset[str]

    def person(self) -> str:
        """The id of whoever is signed in. Answers 400 where nobody is."""
        if self.user is None:
            raise refusal(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        return self.user


Work = Callable[[Caller, Call], Response | Awaitable[Response]]


class Microsoft(Provider):
    """A tenant, Graph, and Entra's tokens."""

    name: ClassVar[str] = "microsoft"
    hosts: ClassVar[tuple[str, ...]] = ("login.microsoftonline.com", "graph.microsoft.com")
    lifetimes: ClassVar[dict[str, float | None]] = {"access": 3600, "refresh": 90 * 86_400}

    def __init__(self, world: World, seed: Json) -> None:
        super().__init__(world, seed)
        self.state = load(seed, world.clock)
        self.links = Links(self)
        self.webhooks = Webhooks(self)
        self.oauth = OAuth(self)
        self._directory = Directory(self)
        self._channel = Messages(self, self._directory.find_channel, 5)
        self._chat = Messages(self, self._directory.find_chat, 3)
        self._subscriptions = Subscriptions(self)
        manner = Manner("Microsoft")
        self._consent = Consent(self.book, manner, lambda _ask: self.accounts(), self.oauth.approve)
        admin = Manner("Microsoft", gives_code=False)
        self._admin_consent = Consent(self.book, admin, lambda _ask: self.accounts(), self.oauth.consent_of_admin)
        self._doors = [self._door(*one) for one in self._operations()]

    def routes(self) -> Sequence[Route]:
        """Graph below /v1.0, Entra below the tenant's name."""
        return [
            *self._doors,
            route("POST", "/v1.0/$batch", self._batch),
            route("GET", "/{tenant}/oauth2/v2.0/authorize", self._consent.show),
            route("POST", "/{tenant}/oauth2/v2.0/authorize", self._consent.decide),
            route("POST", "/{tenant}/oauth2/v2.0/token", self.oauth.token),
            route("GET", "/{tenant}/adminconsent", self._admin_consent.show),
            route("POST", "/{tenant}/adminconsent", self._admin_consent.decide),
            route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", self.oauth.configuration),
            route("GET", "/{tenant}/discovery/v2.0/keys", lambda _call: answer(signing.keys())),
        ]

    def accounts(self) -> list[Account]:
        """The people."""
        return [
            Account(user["id"], user["displayName"], user["mail"], {"admin": user["_admin"]})
            for user in self.state.users.values()
        ]

    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""
        oauth = f"{base}/organizations/oauth2/v2.0"
        return {
            "authorize_url": f"{oauth}/authorize", "token_url": f"{oauth}/token", "tenant": self.state.tenant["id"],
            "admin_consent_url": f"{base}/{self.state.tenant['id']}/adminconsent", "api_url": f"{base}/v1.0",
        }  # fmt: skip

    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """Tokens for somebody; without scopes those that Teams usually takes."""
        usual = (
            "User.Read",
            "Team.ReadBasic.All",
            "Channel.ReadBasic.All",
            "ChannelMessage.Read.All",
            "ChannelMessage.Send",
            "Chat.ReadWrite",
            "TeamMember.Read.All",
            "offline_access",
        )
        grant = self.book.grant(app.client_id, account.id, scopes or usual)
        return self.oauth.issued(self.world.addresses.get(self.name, ""), app, grant, grant.scopes)

    async def listen(self, _app: App, _url: str, _wanted: Json) -> Json:
        """Microsoft has no receiver of an app: subscriptions are made through Graph."""
        raise WrongReceiver("Microsoft has no receiver of an app. Subscribe: POST /v1.0/subscriptions.")

    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """`event` is a lifecycle event, for the subscription of `subscription` or for all."""
        if event not in LIFECYCLE:
            raise UnknownProvider(f"event must be one of {', '.join(sorted(LIFECYCLE))}.")
        name = wanted.get("subscription")
        found = [one for one in self.webhooks.subscriptions.values() if name in {None, one.id}]
        if not found:
            raise WrongReceiver("There is no such subscription.")
        return [delivery for one in found for delivery in self.webhooks.lifecycle(one, event)]

    def upkeep(self) -> None:
        """Subscriptions end, and are warned of."""
        self.webhooks.upkeep()

    def rate_limited(self, _path: str, retry_after: float | None) -> Response:
        """429; Retry-After may have fractions of a second."""
        seconds = 2.128 if retry_after is None else retry_after
        return problem(
            429, "TooManyRequests", "Too many requests.", {"retry-after": f"{seconds:.3f}".rstrip("0").rstrip(".")}
        )

    def broken(self, _path: str, status: int) -> Response:
        """What Graph answers when it fails; 410 is a delta link that is too old."""
        codes = {410: "SyncStateNotFound", 503: "ServiceUnavailable", 504: "GatewayTimeout"}
        return problem(status, codes.get(status, "InternalServerError"), "An error has occurred.")

    def token_expired(self, _path: str) -> Response:
        """401 InvalidAuthenticationToken"""
        return problem(401, "InvalidAuthenticationToken", _REASONS["expired_token"])

    def missing(self, path: str) -> Response:
        """400, as Graph answers for a segment that it does not know."""
        return problem(400, "BadRequest", f"Resource not found for the segment '{path.rpartition('/')[2]}'.")

    def malformed(self, _path: str, _why: str) -> Response:
        """400"""
        return problem(400, "BadRequest", "Unable to read JSON request payload.")

    def _operations(self) -> list[tuple[str, str, Work, tuple[str, ...]]]:
        """Method, path, what it does, the permissions of which it takes one."""
        people, channel, chat, watch = self._directory, self._channel, self._chat, self._subscriptions
        team, room = "/teams/{team}", "/teams/{team}/channels/{channel}"
        messages, talk = f"{room}/messages", "/chats/{chat}/messages"
        one, said = f"{messages}/{{message}}", f"{talk}/{{message}}"
        teams, rooms = ("Team.ReadBasic.All", "Group.Read.All"), ("Channel.ReadBasic.All", "Group.Read.All")
        send, write = ("ChannelMessage.Send",), ("Chat.ReadWrite", "ChatMessage.Send")
        return [
            ("GET", "/me", people.me, ("User.Read",)),
            ("GET", "/users", people.users, ("User.ReadBasic.All", "User.Read.All")),
            ("GET", "/organization", people.organization, ("User.Read", "Organization.Read.All")),
            ("GET", "/me/joinedTeams", people.joined, teams),
            ("GET", team, people.team, teams),
            ("GET", f"{team}/members", people.members, ("TeamMember.Read.All", "Group.Read.All")),
            ("GET", f"{team}/channels", people.channels, rooms),
            ("GET", room, people.channel, rooms),
            *(
                ("GET", f"{messages}/{name}", channel.delta, _READ_CHANNEL)
                for name in ("delta", "delta()", "microsoft.graph.delta()")
            ),
            ("GET", messages, channel.list, _READ_CHANNEL),
            ("POST", messages, channel.send, send),
            ("GET", one, channel.read, _READ_CHANNEL),
            ("PATCH", one, channel.update, send),
            ("POST", f"{one}/softDelete", channel.delete, send),
            ("GET", f"{one}/replies", channel.replies, _READ_CHANNEL),
            ("POST", f"{one}/replies", channel.reply, send),
            ("GET", f"{one}/replies/{{reply}}", channel.reply_read, _READ_CHANNEL),
            ("GET", "/chats", people.chats, _READ_CHAT),
            ("GET", "/me/chats", people.chats, _READ_CHAT),
            ("GET", "/chats/{chat}", people.chat, _READ_CHAT),
            ("GET", talk, chat.list, _READ_CHAT),
            ("POST", talk, chat.send, write),
            ("GET", said, chat.read, _READ_CHAT),
            ("PATCH", said, chat.update, write),
            ("POST", "/subscriptions", watch.create, (*_READ_CHANNEL, *_READ_CHAT)),
            ("GET", "/subscriptions", watch.list, ()),
            ("GET", "/subscriptions/{subscription}", watch.read, ()),
            ("PATCH", "/subscriptions/{subscription}", watch.renew, ()),
            ("DELETE", "/subscriptions/{subscription}", watch.delete, ()),
            ("POST", "/subscriptions/{subscription}/reauthorize", watch.reauthorize, ()),
        ]

    def _door(self, method: str, path: str, work: Work, scopes: tuple[str, ...]) -> Route:
        def handle(call: Call) -> Response | Awaitable[Response]:
            caller = self._caller(call)
            if scopes and not caller.scopes & set(scopes):
                held = ", ".join(sorted(caller.scopes))
                needed = f"Missing scope permissions on the request. API requires one of '{', '.join(scopes)}'."
                return problem(403, "Forbidden", f"{needed} Scopes on the request '{held}'")
            return work(caller, call)

        return route(method, f"/v1.0{path}", handle)

    def _caller(self, call: Call) -> Caller:
        try:
            token = self.book.check(call.bearer())
        except Refusal as reason:
            raise Answered(problem(401, "InvalidAuthenticationToken", _REASONS[reason.reason])) from reason
        scopes = frozenset(token.scopes) - RESERVED
        return Caller(self.book.apps[token.grant.client_id], token.grant.account or None, scopes)

    async def _batch(self, call: Call) -> Response:
        """POST /$batch: each with a status of its own; what depends on a failed one is answered 424."""
        wanted: list[Json] = call.object().get("requests") or []
        if not 1 <= len(wanted) <= _BATCH:
            return problem(400, "BadRequest", f"The number of requests in a batch is 1 to {_BATCH}.")
        done: dict[str, Json] = {}
        for one in wanted:
            done[str(one["id"])] = await self._part(call, one, done)
        return answer({"responses": list(done.values())})

    async def _part(self, call: Call, wanted: Json, done: dict[str, Json]) -> Json:
        if any(done.get(name, {"status": 424})["status"] >= 400 for name in wanted.get("dependsOn", [])):
            failed = {
                "error": {"code": "FailedDependency", "message": "A request that this one depends on has failed."}
            }
            return {"id": wanted["id"], "status": 424, "headers": {}, "body": failed}
        body = json.dumps(wanted["body"]).encode() if "body" in wanted else b""
        url = f"/v1.0/{str(wanted['url']).lstrip('/')}"
        try:
            response = await inside(self._doors, call.request.scope, (wanted["method"], url, body)) or self.missing(url)
        except Answered as decided:
            response = decided.response
        headers = {"Content-Type": "application/json"}
        if "retry-after" in response.headers:
            headers["Retry-After"] = response.headers["retry-after"]
        found: Any = json.loads(bytes(response.body)) if response.body else None
        return {"id": wanted["id"], "status": response.status_code, "headers": headers, "body": found}
