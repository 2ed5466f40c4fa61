"""How Salesforce answers: with a list of errors, each with a code that says more than the status."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast

from worksphere_hub.sdk.api import Answer, Api, Request, failure_of
from worksphere_hub.sdk.errors import (
    AuthFailed,
    Conflict,
    ConnectorFailed,
    Missing,
    NotPermitted,
    RateLimited,
    Rejected,
    Transient,
    Unexpected,
)

_MEANINGS: Mapping[str, type[ConnectorFailed]] = {
    "INVALID_SESSION_ID": AuthFailed,
    "REQUEST_LIMIT_EXCEEDED": RateLimited,
    "NOT_FOUND": Missing,
    "ENTITY_IS_DELETED": Missing,
    "INVALID_CROSS_REFERENCE_KEY": Missing,
    "INSUFFICIENT_ACCESS": NotPermitted,
    "INSUFFICIENT_ACCESS_OR_READONLY": NotPermitted,
    "API_DISABLED_FOR_ORG": NotPermitted,
    "UNABLE_TO_LOCK_ROW": Transient,
    "SERVER_UNAVAILABLE": Transient,
    "PRECONDITION_FAILED": Conflict,
}


async def call(api: Api, method: str, path: str, **more: Any) -> Any:
    """One request; answers its JSON, None for an empty body. Raises ConnectorFailed."""
    answer = await send(api, method, path, **more)
    return answer.json() if answer.body else None


async def send(api: Api, method: str, path: str, **more: Any) -> Answer:
    """One request; answers it as it came. Raises ConnectorFailed."""
    answer = await api.send(Request(method, path, **more))
    if not 200 <= answer.status < 300:
        raise _refusal(answer)
    return answer


async def query(api: Api, soql: str, *, deleted: bool = False) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a query, records without their `attributes`; with `deleted` those in the recycle bin too."""
    found = await call(api, "GET", "/queryAll" if deleted else "/query", query={"q": soql})
    while True:
        yield [{name: value for name, value in record.items() if name != "attributes"} for record in found["records"]]
        following = found.get("nextRecordsUrl")
        if not following:
            return
        # Salesforce names it from its root on.
        found = await call(api, "GET", f"{api.captured['instance_url']}{following}")


def quoted(text: str) -> str:
    """A text in SOQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _refusal(answer: Answer) -> ConnectorFailed:
    errors: list[dict[str, Any]] = []
    with suppress(Unexpected):
        found = answer.json()
        errors = cast("list[dict[str, Any]]", found) if isinstance(found, list) else [cast("dict[str, Any]", found)]
    code = str(errors[0].get("errorCode", "")) if errors else ""
    words = "; ".join(str(error.get("message", "")) for error in errors)[:200]
    detail = f"Salesforce answered {answer.status} {code}: {words}"
    meaning = _MEANINGS.get(code)
    if meaning is not None:
        return meaning(detail, status=answer.status)
    return Rejected(detail, status=answer.status) if answer.status == 400 else failure_of(answer.status, detail)
