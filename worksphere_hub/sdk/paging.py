"""PURE: how a list goes on, from its last answer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast
from urllib.parse import urljoin

from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.manifest.api import Pagination

# An expression of the manifest, on decoded JSON; nothing gives None.
Evaluate = Callable[[str, Any], Any]

_LINK = re.compile(r"<(?P<url>[^>]*)>(?P<parameters>[^,]*(?:,(?!\s*<)[^,]*)*)")
_NEXT = re.compile(r';\s*rel\s*=\s*"?(?:[^";,]*\s)?next(?:\s[^";,]*)?"?(?:\s*;|\s*$|,)', re.IGNORECASE)


def first(request: Request, rule: Pagination | None) -> Request:
    """The request for the first page."""
    if rule is None:
        return request
    if rule.size is not None and rule.size_parameter is not None:
        request = _with(request, rule, rule.size_parameter, rule.size)
    if rule.kind in {"page", "offset"} and rule.parameter is not None:
        request = _with(request, rule, rule.parameter, rule.first if rule.kind == "page" else 0)
    return request


def following(
    request: Request, answer: Answer, rule: Pagination | None, count: int, evaluate: Evaluate
) -> Request | None:
    """The request for the page after this answer, which brought `count` records; None when it was the last."""
    if rule is None:
        return None
    if rule.kind == "link":
        url = next_link(answer.headers.get("link", ""))
        return None if url is None else replace(request, path=urljoin(request.path, url), query={})
    if rule.kind in {"page", "offset"}:
        return _counted(request, rule, count)
    cursor = None if rule.cursor is None or not answer.body else evaluate(rule.cursor, answer.json())
    return None if cursor in (None, False, "") else _at(request, rule, cursor)


def _at(request: Request, rule: Pagination, cursor: Any) -> Request | None:
    """The page that a cursor names."""
    if not isinstance(cursor, str | int):
        raise Unexpected("The provider's cursor is neither a text nor a number.")
    if rule.kind == "next_url":
        return replace(request, path=str(cursor), query={})
    if rule.parameter is None:
        return None
    if _given(request, rule, rule.parameter) == str(cursor):
        raise Unexpected("The provider names the same page as the next one again and again.")
    return _with(request, rule, rule.parameter, str(cursor))


def next_link(header: str) -> str | None:
    """The URL of rel="next" in a Link header (RFC 8288)."""
    for found in _LINK.finditer(header):
        if _NEXT.search(found["parameters"].rstrip(", ")):
            return found["url"]
    return None


def _counted(request: Request, rule: Pagination, count: int) -> Request | None:
    """The next page by number or offset: the last is the one that is not full."""
    if rule.parameter is None or count == 0 or (rule.size is not None and count < rule.size):
        return None
    step = 1 if rule.kind == "page" else count
    return _with(request, rule, rule.parameter, int(_given(request, rule, rule.parameter) or 0) + step)


def _with(request: Request, rule: Pagination, name: str, value: str | int) -> Request:
    if rule.where == "query":
        return replace(request, query={**request.query, name: value})
    return replace(request, json={**_members(request), name: value})


def _given(request: Request, rule: Pagination, name: str) -> Any:
    places: Mapping[str, Any] = request.query if rule.where == "query" else _members(request)
    return places.get(name)


def _members(request: Request) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", request.json) if isinstance(request.json, Mapping) else {}
