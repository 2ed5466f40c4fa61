"""Zoom as a whole."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.consent import Account, Consent, Manner
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.tokens import App, Ask, Refusal
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, route
from worksphere_hub.sandbox.zoom import meetings, recordings, users
from worksphere_hub.sandbox.zoom.answers import SCOPES, Caller, Pages, limited, refusal
from worksphere_hub.sandbox.zoom.oauth import OAuth
from worksphere_hub.sandbox.zoom.state import load, record
from worksphere_hub.sandbox.zoom.webhooks import Webhooks

Work = Callable[[Caller, Call], Response]

# Method, path, what it does, the key of its scopes, its rate category. Literal paths stand before those with parts.
OPERATIONS: list[tuple[str, str, Work, str, str]] = [
    ("GET", "/users", users.list_users, "users.list", "Medium"),
    ("POST", "/users", users.create, "users.write", "Light"),
    ("GET", "/users/{user}", users.read, "users.read", "Light"),
    ("PATCH", "/users/{user}", users.update, "users.write", "Light"),
    ("DELETE", "/users/{user}", users.delete, "users.write", "Light"),
    ("GET", "/users/{user}/meetings", meetings.list_meetings, "meetings.list", "Medium"),
    ("POST", "/users/{user}/meetings", meetings.create, "meetings.create", "Light"),
    ("GET", "/users/{user}/recordings", recordings.list_recordings, "recordings.list", "Medium"),
    ("GET", "/meetings/{meeting}", meetings.read, "meetings.read", "Light"),
    ("PATCH", "/meetings/{meeting}", meetings.update, "meetings.update", "Light"),
    ("DELETE", "/meetings/{meeting}", meetings.delete, "meetings.delete", "Light"),
    ("GET", "/meetings/{meeting}/recordings", recordings.read, "recordings.read", "Light"),
    ("DELETE", "/meetings/{meeting}/recordings", recordings.delete, "recordings.delete", "Light"),
    ("GET", "/past_meetings/{uuid:path}/participants", meetings.participants, "meetings.participants", "Medium"),
    ("GET", "/past_meetings/{uuid:path}", meetings.past, "meetings.past", "Light"),
]
# Requests a second by plan, for the whole account and all its apps.
RATES = {
    "pro": {"Light": 30, "Medium": 20, "Heavy": 10},
    "business": {"Light": 80, "Medium": 60, "Heavy": 40},
}
_EXPIRED = "Access token is expired."
_REASONS = {
    "unknown_token": "Invalid access token.",
    "revoked_token": "Invalid access token.",
    "expired_token": _EXPIRED,
}


class Zoom(Provider):
    """One account, its API and its events."""

    name: ClassVar[str] = "zoom"
    hosts: ClassVar[tuple[str, ...]] = ("zoom.us", "api.zoom.us")
    lifetimes: ClassVar[dict[str, float | None]] = {"access": 3600, "refresh": 90 * 86_400}

    def __init__(self, world: World, seed: Json) -> None:
        super().__init__(world, seed)
        self.state = load(seed, self.identities, world.clock.now())
        self.api_url = ""
        self.pages = Pages(self)
        self.webhooks = Webhooks(self)
        self.oauth = OAuth(self)
        self._consent = Consent(self.book, Manner("Zoom", code_lifetime=300), self._choices)

    def routes(self) -> Sequence[Route]:
        """Authorization, tokens, and the API below /v2."""
        return [
            route("GET", "/oauth/authorize", self._consent.show),
            route("POST", "/oauth/authorize", self._consent.decide),
            route("POST", "/oauth/token", self.oauth.token),
            route("POST", "/oauth/revoke", self.oauth.revoke),
            *(self._operation(*one) for one in OPERATIONS),
        ]

    def accounts(self) -> list[Account]:
        """The active users."""
        return [
            Account(user["id"], user["display_name"], user["email"])
            for user in self.state.users.values()
            if user["status"] == "active"
        ]

    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""
        return {
            "authorize_url": f"{base}/oauth/authorize", "token_url": f"{base}/oauth/token",
            "revoke_url": f"{base}/oauth/revoke", "api_url": f"{base}/v2", "account_id": self.state.account_id,
        }  # fmt: skip

    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """A pair of the user's, or a token of the account for a server-to-server app."""
        alone = bool(app.settings.get("server_to_server"))
        grant = self.book.grant(app.client_id, "" if alone else account.id, scopes)
        return self.oauth.pair(grant, refresh=not alone)

    async def listen(self, app: App, url: str, wanted: Json) -> Json:
        """Set the app's event notification URL, once it has been validated; `events` may narrow what is sent."""
        await self.webhooks.handshake(app, url)
        app.settings |= {"event_url": url, "events": wanted.get("events")}
        return {"event_url": url, "events": wanted.get("events")}

    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """`recording.completed` with a `meeting` records it; anything else sends `payload` as it is."""
        payload: Json = wanted.get("payload", {})
        if event == "recording.completed" and "meeting" in wanted:
            meeting = self.state.meetings.get(int(wanted["meeting"]))
            if meeting is None:
                raise UnknownProvider(f"There is no meeting {wanted['meeting']}.")
            record(meeting, wanted.get("files") or [{"type": "MP4"}], self.identities)
            meeting.past = True
            payload = {"object": recordings.view(meeting)}
        if not wanted.get("url") and not wanted.get("client_id"):
            return self.webhooks.emit(event, payload)
        app = self.app(wanted.get("client_id"))
        url = wanted.get("url") or app.settings.get("event_url")
        if not url:
            raise WrongReceiver("The app has no event URL: PUT /_sandbox/receivers, or give a url.")
        return self.webhooks.send(app, str(url), event, payload)

    def upkeep(self) -> None:
        """Receivers are validated again."""
        self.webhooks.upkeep()

    def rate_limited(self, _path: str, retry_after: float | None) -> Response:
        """With `retry_after` a day's limit, which says when it ends; without it a second's, which does not."""
        if retry_after is None:
            return limited("Per-second-limit", "Light", 30, None)
        moment = self.world.clock.now() + timedelta(seconds=retry_after)
        return limited("Daily-limit", "Heavy", 30_000, iso(moment, digits=0))

    def day_over(self, category: str, limit: int) -> Response:
        """A day's limit is used up: it ends at midnight, UTC."""
        now = self.world.clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return limited("Daily-limit", category, limit, iso(midnight, digits=0))

    def broken(self, _path: str, status: int) -> Response:
        """Zoom's own failure."""
        return answer({"code": 5000, "message": "Internal server error"}, status)

    def token_expired(self, _path: str) -> Response:
        """401 with code 124."""
        return answer({"code": 124, "message": _EXPIRED}, 401)

    def missing(self, _path: str) -> Response:
        """404 with code 2300."""
        return answer({"code": 2300, "message": "This API endpoint is not recognized."}, 404)

    def malformed(self, _path: str, _why: str) -> Response:
        """400 with code 300."""
        return answer({"code": 300, "message": "Request Body should be a valid JSON object."}, 400)

    def _choices(self, _ask: Ask) -> list[Account]:
        return self.accounts()

    def _operation(self, method: str, path: str, work: Work, scopes: str, category: str) -> Route:
        def handle(call: Call) -> Response:
            caller = self._caller(call)
            headers = self._count(category)
            if not set(SCOPES[scopes]) & set(caller.token.scopes):
                wanted = ", ".join(SCOPES[scopes])
                raise refusal(400, 4711, f"Invalid access token, does not contain scopes:[{wanted}].")
            done = work(caller, call)
            done.headers.update(headers)
            return done

        return route(method, f"/v2{path}", handle)

    def _caller(self, call: Call) -> Caller:
        try:
            token = self.book.check(call.bearer())
        except Refusal as reason:
            raise refusal(401, 124, _REASONS[reason.reason]) from reason
        me = self.state.users.get(token.grant.account)
        if token.grant.account and me is None:
            raise refusal(401, 124, "Invalid access token.")
        return Caller(self, self.book.apps[token.grant.client_id], token, me)

    def _count(self, category: str) -> dict[str, str]:
        limit = RATES.get(str(self.seed.get("plan")), RATES["pro"])[category]
        key = f"zoom:{category}"
        if self.world.limits and self.world.rates.take(key, limit, 1.0) is not None:
            raise Answered(limited("Per-second-limit", category, limit, None))
        left = self.world.rates.left(key, limit)
        return {"x-ratelimit-category": category, "x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(left)}
