"""Salesforce as a whole: one organization on its My Domain."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox.consent import Account, Consent, Manner
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.outbox import Delivery
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.salesforce.answers import RowError
from worksphere_hub.sandbox.salesforce.bulk import Bulk
from worksphere_hub.sandbox.salesforce.composite import Composite
from worksphere_hub.sandbox.salesforce.oauth import OAuth
from worksphere_hub.sandbox.salesforce.queries import Queries
from worksphere_hub.sandbox.salesforce.records import Records
from worksphere_hub.sandbox.salesforce.state import Store, checksum
from worksphere_hub.sandbox.salesforce.webhooks import Webhooks
from worksphere_hub.sandbox.tokens import App, Refusal
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, inside, route

VERSIONS = [f"{number}.0" for number in range(55, 65)]
_FREE = frozenset({"openid", "id", "profile", "email"})
Work = Callable[[Call], Response]


class Salesforce(Provider):
    """An organization, its API and its tokens."""

    name: ClassVar[str] = "salesforce"
    hosts: ClassVar[tuple[str, ...]] = ("*.salesforce.com",)
    # A session ends after two idle hours, a refresh token after thirty idle days.
    lifetimes: ClassVar[dict[str, float | None]] = {"access": 7200, "refresh": 30 * 86_400}

    def __init__(self, world: World, seed: Json) -> None:
        super().__init__(world, seed)
        self.store = Store(seed, world.clock)
        self.base = ""
        self.records = Records(self)
        self.queries = Queries(self)
        self.bulk = Bulk(self)
        self.webhooks = Webhooks(self)
        self.oauth = OAuth(self)
        self._composite = Composite(self)
        self._consent = Consent(self.book, Manner("Salesforce", free_scopes=_FREE), lambda _ask: self.accounts())
        self._doors = self._data_routes()

    def routes(self) -> Sequence[Route]:
        """Authorization, tokens, and the API below /services/data."""
        oauth = "/services/oauth2"
        return [
            route("GET", f"{oauth}/authorize", self._consent.show),
            route("POST", f"{oauth}/authorize", self._consent.decide),
            route("POST", f"{oauth}/token", self.oauth.token),
            route("POST", f"{oauth}/revoke", self.oauth.revoke),
            route("GET", f"{oauth}/revoke", self.oauth.revoke),
            route("POST", f"{oauth}/introspect", self.oauth.introspect),
            route("GET", f"{oauth}/userinfo", self.oauth.userinfo),
            route("GET", "/id/{org}/{user}", self.oauth.userinfo),
            route("GET", "/services/data", _versions),
            route("POST", "/services/data/{version}/composite", self._requests),
            *self._doors,
        ]

    def accounts(self) -> list[Account]:
        """The users."""
        return [
            Account(row["Id"], row["Name"], row["Email"] or "", {"username": row["Username"]})
            for row in self.store.tables["User"].rows.values()
        ]

    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""
        oauth = f"{base}/services/oauth2"
        return {
            "authorize_url": f"{oauth}/authorize", "token_url": f"{oauth}/token", "revoke_url": f"{oauth}/revoke",
            "introspect_url": f"{oauth}/introspect", "api_url": f"{base}/services/data/v59.0", "instance_url": base,
        }  # fmt: skip

    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """A pair, or an access token alone where `refresh_token` is not among the scopes."""
        grant = self.book.grant(app.client_id, account.id, scopes)
        base = self.base or self.world.addresses.get(self.name, "")
        return self.oauth.pair(base, app, grant, refresh="refresh_token" in scopes)

    def root(self, call: Call) -> str:
        """`/services/data/v59.0`, as links in answers begin."""
        return f"/services/data/{call.part('version')}"

    def user(self, call: Call) -> str:
        """Whose token it is. Answers 401 INVALID_SESSION_ID; using a session keeps it alive."""
        self.base = call.base
        try:
            token = self.book.check(call.bearer())
        except Refusal as reason:
            raise Answered(self.token_expired(call.path)) from reason
        life = self.life["access"]
        token.expires_at = None if life is None else self.world.clock.epoch() + life
        return token.grant.account

    async def listen(self, app: App, url: str, wanted: Json) -> Json:
        """Send outbound messages of these `objects` there; Salesforce asks nothing first."""
        app.settings |= {"outbound_url": url, "objects": wanted.get("objects") or app.settings.get("objects", [])}
        return {"outbound_url": url, "objects": app.settings["objects"]}

    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """`event` is the object, `record` an id of one: its outbound message is sent again."""
        table = self.store.table(event)
        row = table.rows.get(checksum(str(wanted.get("record", ""))[:15])) if table else None
        if table is None or row is None:
            raise UnknownProvider(f"There is no {event} {wanted.get('record')}.")
        app = self.app(wanted.get("client_id"))
        url = wanted.get("url") or app.settings.get("outbound_url")
        if not url:
            raise WrongReceiver("The app has no receiver: PUT /_sandbox/receivers, or give a url.")
        return self.webhooks.send(str(url), table, row)

    def rate_limited(self, _path: str, _retry_after: float | None) -> Response:
        """403, and never a Retry-After."""
        return answer([{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}], 403)

    def broken(self, _path: str, status: int) -> Response:
        """What an unforeseen failure looks like."""
        text = "An unexpected error occurred. Please include this ErrorId if you contact support: 1234567890-1"
        return answer([{"message": text, "errorCode": "UNKNOWN_EXCEPTION"}], status)

    def token_expired(self, _path: str) -> Response:
        """401 INVALID_SESSION_ID, whatever became of the token."""
        return answer([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401)

    def missing(self, _path: str) -> Response:
        """404 NOT_FOUND"""
        return answer([{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}], 404)

    def malformed(self, _path: str, why: str) -> Response:
        """400 JSON_PARSER_ERROR"""
        return answer([{"message": why, "errorCode": "JSON_PARSER_ERROR"}], 400)

    def _data_routes(self) -> list[Route]:
        records, queries, bulk, together = self.records, self.queries, self.bulk, self._composite
        one, by = "/sobjects/{object}/{id}", "/sobjects/{object}/{field}/{value:path}"
        table: list[tuple[str, str, Work]] = [
            ("GET", "", self._resources), ("GET", "/limits", self._limits),
            ("GET", "/query", queries.query), ("GET", "/queryAll", queries.query_all),
            ("GET", "/query/{locator}", queries.more), ("GET", "/queryAll/{locator}", queries.more),
            ("GET", "/sobjects", records.objects),
            ("GET", "/sobjects/{object}", records.basics), ("POST", "/sobjects/{object}", records.create),
            ("GET", "/sobjects/{object}/describe", records.describe),
            ("GET", "/sobjects/{object}/deleted", queries.deleted),
            ("GET", "/sobjects/{object}/updated", queries.updated),
            ("GET", one, records.read), ("PATCH", one, records.update), ("DELETE", one, records.delete),
            ("GET", by, records.read_by), ("PATCH", by, records.upsert), ("DELETE", by, records.delete_by),
            ("POST", "/composite/sobjects", together.create), ("PATCH", "/composite/sobjects", together.update),
            ("DELETE", "/composite/sobjects", together.delete),
            ("GET", "/composite/sobjects/{object}", together.retrieve),
            ("POST", "/composite/sobjects/{object}", together.retrieve),
            ("PATCH", "/composite/sobjects/{object}/{field}", together.upsert),
            ("POST", "/jobs/query", bulk.create_query), ("POST", "/jobs/ingest", bulk.create_ingest),
            ("GET", "/jobs/query", bulk.listing), ("GET", "/jobs/ingest", bulk.listing),
            ("GET", "/jobs/{kind}/{job}", bulk.read), ("PATCH", "/jobs/{kind}/{job}", bulk.change),
            ("DELETE", "/jobs/{kind}/{job}", bulk.remove), ("GET", "/jobs/query/{job}/results", bulk.results),
            ("PUT", "/jobs/ingest/{job}/batches", bulk.upload), ("GET", "/jobs/ingest/{job}/{which}", bulk.outcome),
        ]  # fmt: skip
        # A slash at the end is let through, as Salesforce does; its own clients write some paths so.
        ends = [(one, end) for one in table for end in ("", "/") if not end or ":path" not in one[1]]
        return [self._data(method, f"{path}{end}", work) for (method, path, work), end in ends]

    def _data(self, method: str, path: str, work: Work) -> Route:
        return route(method, f"/services/data/{{version}}{path}", lambda call: self._stated(call, work))

    def _stated(self, call: Call, work: Work) -> Response:
        self.user(call)
        usage = self._count()
        try:
            done = work(call)
        except RowError as error:
            done = error.response()
        except Answered as decided:
            done = decided.response
        done.headers["sforce-limit-info"] = usage
        return done

    def _count(self) -> str:
        limit = int(self.seed.get("daily_requests", 100_000))
        if self.world.rates.take("salesforce", limit, 86_400) is not None and self.world.limits:
            raise Answered(self.rate_limited("", None))
        return f"api-usage={limit - self.world.rates.left('salesforce', limit)}/{limit}"

    def _resources(self, call: Call) -> Response:
        names = ("limits", "query", "queryAll", "sobjects", "composite", "jobs")
        return answer({name: f"{self.root(call)}/{name}" for name in names})

    def _limits(self, _call: Call) -> Response:
        limit = int(self.seed.get("daily_requests", 100_000))
        requests = {"Max": limit, "Remaining": self.world.rates.left("salesforce", limit)}
        full = {"Max": 10_000, "Remaining": 10_000}
        return answer({"DailyApiRequests": requests, "DailyBulkV2QueryJobs": full, "DailyBulkApiBatches": full})

    async def _requests(self, call: Call) -> Response:
        self.user(call)
        usage = self._count()
        scope = call.request.scope

        async def run(method: str, url: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
            response = await inside(self._doors, scope, (method, url, body)) or self.missing(url)
            found = json.loads(bytes(response.body)) if response.body else None
            shown = {"Location": response.headers["location"]} if "location" in response.headers else {}
            return response.status_code, found, shown

        done = await self._composite.requests(call, run)
        done.headers["sforce-limit-info"] = usage
        return done


def _versions(_call: Call) -> Response:
    return answer([{"label": f"v{one}", "url": f"/services/data/v{one}", "version": one} for one in VERSIONS])
