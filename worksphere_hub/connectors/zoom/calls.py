"""How Zoom answers: its pages, and how it says no."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from worksphere_hub.sdk.api import Answer, Api, Request, failure_of
from worksphere_hub.sdk.errors import ConnectorFailed, Unexpected

# What Zoom gives at most of anything heavy; larger pages cost no more.
_PAGE = 100
# Codes in the body that say more than the status does.
_TOKEN_CODES = {124}
_SCOPE_CODES = {4700, 4711}


async def call(api: Api, method: str, path: str, **more: Any) -> Any:
    """One request; answers its JSON, None for an empty body. Raises ConnectorFailed."""
    answer = await api.send(Request(method, path, **more))
    if not 200 <= answer.status < 300:
        raise _refusal(answer)
    return answer.json() if answer.body else None


async def pages(api: Api, path: str, field: str, **query: str | int) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a list. A page's token is good for a quarter of an hour, so they are asked for one after another."""
    token = ""
    while True:
        wanted: Mapping[str, str | int] = {**query, "page_size": _PAGE, **({"next_page_token": token} if token else {})}
        found = await call(api, "GET", path, query=wanted)
        yield found.get(field) or []
        token = found.get("next_page_token") or ""
        if not token:
            return


def uuid_in_path(uuid: str) -> str:
    """A meeting's uuid for a path: encoded twice, which Zoom wants of those with slashes and takes of all."""
    return quote(quote(uuid, safe=""), safe="")


def _refusal(answer: Answer) -> ConnectorFailed:
    told: dict[str, Any] = {}
    # A proxy's page stands here now and then, instead of Zoom's own words.
    with suppress(Unexpected):
        told = cast("dict[str, Any]", answer.json())
    fields: list[dict[str, Any]] = told.get("errors") or []
    code = told.get("code")
    words = " ".join([str(told.get("message", "")), *(str(one.get("message", "")) for one in fields)])[:200]
    status = 401 if code in _TOKEN_CODES else 403 if code in _SCOPE_CODES else answer.status
    return failure_of(status, f"Zoom answered {answer.status}, code {code}: {words}")
