"""How an integration's API is called: where, how often, and what its refusals mean."""

from typing import Annotated, Literal

from pydantic import Field

from worksphere_hub.sdk.manifest.kinds import Expression, Line, Name, Part, Template

Format = Literal["seconds", "milliseconds", "epoch", "epoch_milliseconds", "http_date", "iso", "any"]


class Hint(Part):
    """Where an answer says how long to wait: in a header, or by an expression on its body."""

    header: Annotated[str, Field(max_length=100)] | None = None
    body: Expression | None = None
    # `any` reads a number as seconds, and a date in either spelling.
    format: Format = "any"


class Retry(Part):
    """Which answers are worth another try, and when."""

    statuses: list[Annotated[int, Field(ge=400, le=599)]] = [429, 500, 502, 503, 504]
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    # Looked at in order; the longest wait that any of them names holds.
    after: list[Hint] = [Hint(header="retry-after")]
    # Statuses besides 401 after which the credential is renewed and the call made once more.
    renew_statuses: list[int] = []
    # True of an answer's body that is a refusal for its rate though its status does not say so.
    rate_limited: Expression | None = None


class RateRule(Part):
    """One budget: at most `limit` calls in `per_seconds`, spent by the calls that match.

    It is shared by everything that has the same key: a provider's account, one of the provider's clients (apps), or a
    connection. The header names, where the provider sends them, correct the count.
    """

    name: Name
    # Method and the URL's whole path, `*` for anything in a part: `GET /v2/users/*`. Empty: every call.
    match: list[Annotated[str, Field(pattern=r"^(\*|[A-Z]+) /\S*$")]] = []
    limit: Annotated[int, Field(ge=1, le=10_000_000)]
    per_seconds: Annotated[int, Field(ge=1, le=86_400)]
    scope: Literal["account", "client", "connection"] = "account"
    remaining_header: str | None = None
    reset: Hint | None = None


class Pagination(Part):
    """How a list goes on. `cursor` is an expression on the body for all kinds but `page`, `offset` and `link`."""

    kind: Literal["cursor", "next_url", "link", "page", "offset"]
    # The query parameter, or the member of the JSON body, that the cursor, page or offset goes into.
    where: Literal["query", "body"] = "query"
    parameter: Annotated[str, Field(max_length=60)] | None = None
    cursor: Expression | None = None
    size_parameter: Annotated[str, Field(max_length=60)] | None = None
    size: Annotated[int, Field(ge=1, le=10_000)] | None = None
    first: Annotated[int, Field(ge=0, le=1)] = 1


class Call(Part):
    """One request to the API: its path after the base URL, and what else it needs."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] = "GET"
    path: Template
    query: dict[str, Template] = {}
    headers: dict[str, Template] = {}
    # An expression on `{"input": ..., "settings": ...}` that gives the body: JSON, or the fields of a form, each of
    # them a text, a number or a boolean.
    body: Expression | None = None
    encoding: Literal["json", "form"] = "json"
    slot: Name = "main"


class Verification(Call):
    """The call that says whether a credential works and whose it is."""

    # True of `{"status", "body"}` when it does; any 2xx unless said otherwise.
    works: Expression | None = None
    # On the body: the provider's own id of the account (whose rate budget is spent), and its name for people.
    account_key: Expression | None = None
    account_label: Expression | None = None
    # On `{"headers", "body"}`: the scopes that the credential really has, where the provider says so.
    scopes: Expression | None = None


class Api(Part):
    """Where the API is and how it likes to be called."""

    base_url: Template
    headers: dict[str, Template] = {}
    timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 30
    retry: Retry = Retry()
    rates: list[RateRule] = []
    pagination: Pagination | None = None
    # On an answer's body: a provider that answers 200 to what it refuses, and where its words stand.
    refused: Expression | None = None
    message: Expression | None = None
    # Header (of a request) by which the provider tells a repeated write from a new one.
    idempotency_header: Annotated[str, Field(max_length=60)] | None = None
    documentation: Line | None = None
