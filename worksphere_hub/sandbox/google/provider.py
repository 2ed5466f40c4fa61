"""Google Drive as a whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.consent import Account, Consent, Manner
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.google import fields as selection
from worksphere_hub.sandbox.google.answers import invalid, problem, refusal
from worksphere_hub.sandbox.google.changes import Changes
from worksphere_hub.sandbox.google.drives import Drives
from worksphere_hub.sandbox.google.files import Files
from worksphere_hub.sandbox.google.oauth import OAuth
from worksphere_hub.sandbox.google.permissions import Permissions
from worksphere_hub.sandbox.google.state import File, load
from worksphere_hub.sandbox.google.uploads import Uploads
from worksphere_hub.sandbox.google.webhooks import Webhooks
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.tokens import App, Ask, Refusal
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, route

_SCOPE = "https://www.googleapis.com/auth/"
_FREE = frozenset({"openid", "email", "profile", f"{_SCOPE}userinfo.email", f"{_SCOPE}userinfo.profile"})
# Queries a minute that one user has.
_QUERIES = 12_000
_STATES = {"sync", "change", "add", "update", "remove", "trash", "untrash"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the app, the account, and the last words of its scopes."""

    app: App
    user: str
    scopes: frozenset[str]

    def must_have(self, *scopes: str) -> None:
        """Answer 403 unless the token has one of them."""
        if not self.scopes & set(scopes):
            raise refusal(403, "insufficientPermissions", "Request had insufficient authentication scopes.")


Work = Callable[[Caller, Call], Response]


class Google(Provider):
    """Accounts, their files, and the tokens to them."""

    name: ClassVar[str] = "google"
    hosts: ClassVar[tuple[str, ...]] = ("accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com")
    # A refresh token ends after half a year without use.
    lifetimes: ClassVar[dict[str, float | None]] = {"access": 3600, "refresh": 180 * 86_400}

    def __init__(self, world: World, seed: Json) -> None:
        super().__init__(world, seed)
        self.state = load(seed, world.clock, self.identities)
        self.files = Files(self)
        self.drives = Drives(self)
        self.webhooks = Webhooks(self)
        self.oauth = OAuth(self)
        self._changes = Changes(self)
        self._permissions = Permissions(self)
        self._uploads = Uploads(self)
        self._pages: dict[str, int] = {}
        self._consent = Consent(self.book, Manner("Google", free_scopes=_FREE), lambda _ask: self.accounts(), _granted)

    def routes(self) -> Sequence[Route]:
        """Authorization, tokens, Drive v3 and its uploads."""
        files, rights, changes = self.files, self._permissions, self._changes
        one, right = "/files/{file}", "/files/{file}/permissions/{permission}"
        table: list[tuple[str, str, Work]] = [
            ("GET", "/about", self.drives.about), ("GET", "/files", files.list), ("POST", "/files", files.create),
            ("GET", "/files/generateIds", files.generate_ids), ("GET", one, files.get), ("PATCH", one, files.update),
            ("DELETE", one, files.delete), ("POST", f"{one}/copy", files.copy), ("GET", f"{one}/export", files.export),
            ("POST", f"{one}/watch", self.webhooks.watch_file), ("GET", f"{one}/permissions", rights.list),
            ("POST", f"{one}/permissions", rights.create), ("GET", right, rights.get), ("PATCH", right, rights.update),
            ("DELETE", right, rights.delete), ("GET", "/changes/startPageToken", changes.start),
            ("GET", "/changes", changes.list), ("POST", "/changes/watch", self.webhooks.watch_changes),
            ("POST", "/channels/stop", self.webhooks.stop), ("GET", "/drives", self.drives.list),
            ("POST", "/drives", self.drives.create), ("GET", "/drives/{drive}", self.drives.get),
        ]  # fmt: skip
        upload = "/upload/drive/v3/files"
        return [
            route("GET", "/o/oauth2/v2/auth", self._consent.show),
            route("POST", "/o/oauth2/v2/auth", self._consent.decide),
            route("POST", "/token", self.oauth.token),
            route("POST", "/revoke", self.oauth.revoke),
            route("GET", "/revoke", self.oauth.revoke),
            route("GET", "/oauth2/v3/userinfo", self.oauth.userinfo),
            route("GET", "/oauth2/v3/certs", lambda _call: answer(signing.keys())),
            *(self._door(method, f"/drive/v3{path}", work) for method, path, work in table),
            self._door("POST", upload, self._uploads.begin),
            self._door("PATCH", f"{upload}/{{file}}", self._uploads.begin),
            route("PUT", upload, self._uploads.proceed),
            route("PUT", f"{upload}/{{file}}", self._uploads.proceed),
        ]

    def accounts(self) -> list[Account]:
        """The people."""
        return [Account(user["id"], user["name"], user["email"]) for user in self.state.users.values()]

    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""
        return {
            "authorize_url": f"{base}/o/oauth2/v2/auth", "token_url": f"{base}/token", "revoke_url": f"{base}/revoke",
            "api_url": f"{base}/drive/v3", "upload_url": f"{base}/upload/drive/v3",
        }  # fmt: skip

    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """A pair."""
        return self.oauth.issued(app, self.book.grant(app.client_id, account.id, scopes), refresh=True)

    def changed(self, file: File, *what: str, removed: bool = False, before: frozenset[str] = frozenset()) -> None:
        """Something happened to a file: into the feed, and to the channels."""
        change = self.state.touched(file, *what, removed=removed, before=before)
        self.webhooks.changed(change)

    def caller(self, call: Call) -> Caller:
        """Who calls. Answers 401."""
        try:
            token = self.book.check(call.bearer() or call.query.get("access_token"))
        except Refusal as reason:
            raise Answered(self.token_expired(call.path)) from reason
        scopes = frozenset(scope.removeprefix(_SCOPE) for scope in token.grant.scopes)
        return Caller(self.book.apps[token.grant.client_id], token.grant.account, scopes)

    def partial(self, call: Call, body: Json, usual: str) -> Response:
        """The parts of a body that `fields` asks for, or the usual ones."""
        try:
            return answer(selection.cut(body, selection.parse(call.query.get("fields") or usual)))
        except selection.WrongFields as error:
            raise invalid("fields", f"Invalid field selection {error}") from error

    def page_token(self, call: Call, offset: int) -> str:
        """A token for the page that begins there."""
        value = f"~!!~{self.identities.text('page', 40)}"
        self._pages[f"{call.path}:{value}"] = offset
        return value

    def offset(self, call: Call) -> int:
        """Where the asked page begins. Answers 400."""
        value = call.query.get("pageToken")
        if not value:
            return 0
        if f"{call.path}:{value}" not in self._pages:
            raise invalid("pageToken")
        return self._pages[f"{call.path}:{value}"]

    async def listen(self, _app: App, _url: str, _wanted: Json) -> Json:
        """Google has no receiver of an app: channels are opened through the API."""
        raise WrongReceiver("Google Drive has no receiver of an app. Open a channel: POST /drive/v3/changes/watch.")

    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """`event` is a resource state, sent to the channel of `channel` or to all; nothing has changed."""
        if event not in _STATES:
            raise UnknownProvider(f"event must be one of {', '.join(sorted(_STATES))}.")
        self.webhooks.expire()
        name = wanted.get("channel")
        channels = [one for one in self.webhooks.channels.values() if name in {None, one.id}]
        if not channels:
            raise WrongReceiver("No channel is open.")
        return [delivery for one in channels for delivery in self.webhooks.notify(one, event, [])]

    def upkeep(self) -> None:
        """Channels end."""
        self.webhooks.expire()

    def rate_limited(self, _path: str, retry_after: float | None) -> Response:
        """403 userRateLimitExceeded; with `retry_after` 429, and the time in the text: never a header."""
        if retry_after is None:
            return problem(403, "userRateLimitExceeded", "User Rate Limit Exceeded", domain="usageLimits")
        when = iso(self.world.clock.now() + timedelta(seconds=retry_after))
        return problem(429, "rateLimitExceeded", f"Rate Limit Exceeded. Retry after {when}", domain="usageLimits")

    def broken(self, _path: str, status: int) -> Response:
        """backendError"""
        return problem(status, "backendError" if status >= 503 else "internalError", "Internal Error")

    def token_expired(self, path: str) -> Response:
        """401 authError, or invalid_grant where tokens are given out."""
        if path == "/token":
            text = "Token has been expired or revoked."
            return answer({"error": "invalid_grant", "error_description": text}, 400)
        return problem(401, "authError", "Invalid Credentials", ("header", "Authorization"))

    def missing(self, _path: str) -> Response:
        """404"""
        return problem(404, "notFound", "Not Found")

    def malformed(self, _path: str, _why: str) -> Response:
        """400 parseError"""
        return problem(400, "parseError", "Parse Error")

    def _door(self, method: str, path: str, work: Work) -> Route:
        def handle(call: Call) -> Response:
            caller = self.caller(call)
            if self.world.limits and self.world.rates.take(f"google:{caller.user}", _QUERIES, 60) is not None:
                return self.rate_limited(call.path, None)
            return work(caller, call)

        return route(method, path, handle)


def _granted(ask: Ask, _account: Account) -> dict[str, str]:
    """Google names the scopes beside the code."""
    return {"scope": " ".join(ask.scopes)}
