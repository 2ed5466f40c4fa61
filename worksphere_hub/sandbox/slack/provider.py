"""Slack as a whole."""

import math
from collections.abc import Sequence
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox.consent import Account, Consent, Manner
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.identity import UPPER
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.slack import chat, conversations, directory, files
from worksphere_hub.sandbox.slack.methods import TIERS, Caller, Method, NotOk
from worksphere_hub.sandbox.slack.oauth import OAuth
from worksphere_hub.sandbox.slack.state import Channel, Stamps, Team, load_teams, new_message
from worksphere_hub.sandbox.slack.webhooks import Webhooks
from worksphere_hub.sandbox.tokens import App, Ask, Refusal, Token
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, route

METHODS: dict[str, Method] = {**conversations.METHODS, **chat.METHODS, **directory.METHODS, **files.METHODS}
# An app that is sold outside of the marketplace may ask for these once a minute.
_SLOWED = {"conversations.history", "conversations.replies"}
_REASONS = {"unknown_token": "invalid_auth", "revoked_token": "token_revoked", "expired_token": "token_expired"}


class Slack(Provider):
    """Workspaces, their Web API and their events."""

    name: ClassVar[str] = "slack"
    hosts: ClassVar[tuple[str, ...]] = ("slack.com", "files.slack.com")
    lifetimes: ClassVar[dict[str, float | None]] = {"access": 43_200, "refresh": None}

    def __init__(self, world: World, seed: Json) -> None:
        super().__init__(world, seed)
        self.teams = load_teams(seed, world.clock.now())
        self.stamps = Stamps(world.clock)
        self.webhooks = Webhooks(self)
        self.uploads: dict[str, Json] = {}
        self.base = ""
        self.oauth = OAuth(self)
        self._consent = Consent(self.book, Manner("Slack", ",", hint="user"), self._choices)

    def routes(self) -> Sequence[Route]:
        """Authorization, the token methods, uploads, and every other method by its name."""
        return [
            route("GET", "/oauth/v2/authorize", self._consent.show),
            route("POST", "/oauth/v2/authorize", self._consent.decide),
            route("GET", "/api/oauth.v2.access", self.oauth.access),
            route("POST", "/api/oauth.v2.access", self.oauth.access),
            route("POST", "/api/oauth.v2.exchange", self.oauth.exchange),
            route("POST", "/api/apps.uninstall", self._uninstall),
            route("GET", "/api/{method}", self._method),
            route("POST", "/api/{method}", self._method),
            route("POST", "/upload/v1/{file}", lambda call: files.receive(self.uploads, call.part("file"), call.body)),
        ]

    def accounts(self) -> list[Account]:
        """The people of every workspace."""
        return [
            Account(user["id"], f"{user['real_name']}, {team.name}", user["profile"]["email"] or "", {"team": team.id})
            for team in self.teams.values()
            for user in team.users.values()
            if not user["is_bot"] and not user["deleted"]
        ]

    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""
        api = f"{base}/api/"
        access = f"{api}oauth.v2.access"
        return {"authorize_url": f"{base}/oauth/v2/authorize", "token_url": access, "api_url": api}

    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """A bot token; scopes of the user's own are written `user:` and the scope's name."""
        mine = tuple(one.removeprefix("user:") for one in scopes if one.startswith("user:"))
        grant = self.book.grant(app.client_id, account.id, tuple(one for one in scopes if not one.startswith("user:")))
        return {"ok": True, **self.oauth.install(app, account, grant, mine)}

    def installed(self, app: App, team: Team) -> bool:
        """Whether the app holds a grant of this workspace that was not revoked."""
        return any(
            not grant.revoked and grant.client_id == app.client_id and grant.extra.get("team") == team.id
            for grant in self.book.grants
        )

    def revoke(self, token: Token) -> None:
        """End a token with what else is in its slot, and tell the app."""
        alive = [
            one
            for kind in ("access", "refresh")
            for one in self.book.alive(kind, token.grant.client_id, token.grant.account)
            if one.grant is token.grant
        ]
        for one in alive:
            one.revoked = one.slot == token.slot
        team = self.teams[token.grant.extra["team"]]
        bot = team.bots.get(token.grant.client_id, {}).get("id", "")
        who = {"oauth": [], "bot": [bot]} if token.slot == "bot" else {"oauth": [token.grant.account], "bot": []}
        self.webhooks.emit(team, "tokens_revoked", {"type": "tokens_revoked", "tokens": who})
        if all(one.revoked for one in alive):
            self.book.end(token.grant)

    def say(self, team: Team, channel: Channel, message: Json, thread: str = "") -> Json:
        """Put a message into a channel, or into a thread of it, and tell the apps."""
        message["ts"] = self.stamps.next()
        channel.messages.append(message)
        if thread:
            chat.thread(channel, thread, message)
        self.webhooks.message(team, channel, message)
        return message

    def new_channel(self, team: Team, name: str, creator: str, *, private: bool) -> Channel:
        """Make a channel."""
        identity = f"C{self.identities.text('channel', 10, UPPER)}"
        channel = Channel(identity, name, int(self.world.clock.epoch()), creator, private, members=[creator])
        team.channels[identity] = channel
        told = {"id": identity, "name": name, "created": channel.created, "creator": creator}
        self.webhooks.emit(team, "channel_created", {"type": "channel_created", "channel": told})
        return channel

    def slow_down(self, key: str, limit: int, window: float) -> None:
        """Answer 429 if this is once too often."""
        if self.world.limits and (wait := self.world.rates.take(f"slack:{key}", limit, window)) is not None:
            raise Answered(self.rate_limited("", wait))

    async def listen(self, app: App, url: str, wanted: Json) -> Json:
        """Set the app's request URL, once it has answered the challenge; `events` are what it subscribes to."""
        await self.webhooks.handshake(app, url)
        app.settings["request_url"] = url
        app.settings["events"] = wanted.get("events") or app.settings.get("events", [])
        return {"request_url": url, "events": app.settings["events"]}

    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """`message` with channel, user, text: somebody writes. Anything else: `payload` is sent as the event."""
        team = next(iter(self.teams.values()))
        before = len(self.world.outbox.list())
        if event == "message" and "channel" in wanted:
            channel = team.channels.get(str(wanted["channel"]))
            if channel is None:
                raise UnknownProvider(f"There is no channel {wanted['channel']}.")
            user = str(wanted.get("user") or next(iter(channel.members), ""))
            message = new_message("", user, str(wanted.get("text", "")), team=team.id)
            self.say(team, channel, message, str(wanted.get("thread_ts", "")))
            return self.world.outbox.list()[before:]
        app = self.app(wanted.get("client_id"))
        url = wanted.get("url") or app.settings.get("request_url")
        if not url:
            raise WrongReceiver("The app has no request URL: PUT /_sandbox/receivers, or give a url.")
        return self.webhooks.send(app, team, str(url), {"type": event, **wanted.get("payload", {})})

    def rate_limited(self, _path: str, retry_after: float | None) -> Response:
        """429, whole seconds in Retry-After."""
        seconds = max(1, math.ceil(30 if retry_after is None else retry_after))
        return answer({"ok": False, "error": "ratelimited"}, 429, {"retry-after": str(seconds)})

    def broken(self, _path: str, status: int) -> Response:
        """What Slack's edge answers when something behind it fails."""
        return answer({"ok": False, "error": "internal_error"}, status)

    def token_expired(self, _path: str) -> Response:
        """ok: false, as everything that is refused."""
        return answer({"ok": False, "error": "token_expired"})

    def missing(self, path: str) -> Response:
        """An unknown method is answered like any refusal."""
        return answer({"ok": False, "error": "unknown_method", "req_method": path.rpartition("/")[2]})

    def malformed(self, _path: str, _why: str) -> Response:
        """A body that is not JSON."""
        return answer({"ok": False, "error": "invalid_json"})

    def _choices(self, ask: Ask) -> list[Account]:
        team = ask.extra.get("team")
        return [account for account in self.accounts() if not team or account.extra["team"] == team]

    def _method(self, call: Call) -> Response:
        name = call.part("method")
        method = METHODS.get(name)
        if method is None:
            return self.missing(call.path)
        self.base = call.base
        fields = call.fields()
        try:
            caller = self._caller(call.bearer() or str(fields.get("token") or ""))
            self._count(caller, name, method)
            caller.must_have(*method.scopes)
            body = {"ok": True, **method.call(caller, fields)}
        except NotOk as refused:
            return answer(refused.body)
        scopes = {"x-oauth-scopes": ",".join(caller.token.scopes), "x-accepted-oauth-scopes": ",".join(method.scopes)}
        return answer(body, 200, scopes)

    def _caller(self, value: str) -> Caller:
        if not value:
            raise NotOk("not_authed")
        try:
            token = self.book.check(value)
        except Refusal as refusal:
            raise NotOk(_REASONS[refusal.reason]) from refusal
        app, team = self.book.apps[token.grant.client_id], self.teams[token.grant.extra["team"]]
        user = team.bots[app.client_id]["id"] if token.slot == "bot" else token.grant.account
        return Caller(self, app, token, team, user)

    def _count(self, caller: Caller, name: str, method: Method) -> None:
        limit = 1 if caller.commercial and name in _SLOWED else TIERS[method.tier]
        self.slow_down(f"{caller.app.client_id}:{caller.team.id}:{name}", limit, 60)

    def _uninstall(self, call: Call) -> Response:
        fields = call.fields()
        token = self.book.find(call.bearer() or str(fields.get("token") or ""))
        app = self.book.apps.get(str(fields.get("client_id", "")))
        if app is None or not app.proves(str(fields.get("client_secret", ""))):
            return answer({"ok": False, "error": "bad_client_secret" if app else "invalid_client_id"})
        if token is None or token.grant.client_id != app.client_id or token.grant.revoked:
            return answer({"ok": False, "error": "invalid_auth"})
        team = self.teams[token.grant.extra["team"]]
        self.webhooks.emit(team, "app_uninstalled", {"type": "app_uninstalled"})
        for grant in self.book.grants:
            if grant.client_id == app.client_id and grant.extra.get("team") == team.id:
                self.book.end(grant)
        return answer({"ok": True})
