"""How Microsoft Graph answers: pages by whole URLs, and an error with a code."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

from worksphere_hub.sdk.api import Answer, Api, Request, failure_of
from worksphere_hub.sdk.errors import ConnectorFailed, Rejected, StateExpired, Unexpected

# Codes by which Graph says that a delta link is too old.
_OLD = {"SyncStateNotFound", "syncStateInvalid", "resyncRequired", "ResyncRequired"}
_GONE = 410


async def call(api: Api, method: str, path: str, **more: Any) -> Any:
    """One request; answers its JSON, None for an empty body. Raises ConnectorFailed."""
    answer = await api.send(Request(method, path, **more))
    if not 200 <= answer.status < 300:
        raise _refusal(answer)
    return answer.json() if answer.body else None


async def pages(api: Api, path: str, query: Mapping[str, str | int] | None = None) -> AsyncIterator[dict[str, Any]]:
    """The pages of a list, whole. The records are in `value`; a delta link, at the end, has a member of its own."""
    found = await call(api, "GET", path, query=query or {})
    while True:
        yield found
        following = found.get("@odata.nextLink")
        if not following:
            return
        found = await call(api, "GET", following)


def part(identity: str) -> str:
    """An id in a path: those of channels and chats have colons and at signs."""
    return quote(identity, safe="")


def _refusal(answer: Answer) -> ConnectorFailed:
    error: dict[str, Any] = {}
    with suppress(Unexpected):
        found = cast("dict[str, Any]", answer.json())
        error = found.get("error") or {}
    code = str(error.get("code", ""))
    detail = f"Graph answered {answer.status} {code}: {str(error.get('message', ''))[:200]}"
    if answer.status == _GONE or code in _OLD:
        return StateExpired(detail, status=answer.status)
    return Rejected(detail, status=answer.status) if answer.status == 400 else failure_of(answer.status, detail)
