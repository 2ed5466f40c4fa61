"""PURE: the path and query of a list's next page, by the manifest's pagination."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.manifest.api import Pagination

_LINK = re.compile(r"<([^>]{1,4000})>((?:\s*;\s*[^,;]+)*)")


def next_page(
    pagination: Pagination, base: str, here: tuple[str, str], headers: Mapping[str, str], body: bytes
) -> str | None:
    """Path and query (under the base URL) of the page after this one; None after the last.

    `here` is this page's path and query. An address that a provider names is followed below the base URL only.
    """
    path, query = here
    answer = _decoded(body)
    if pagination.kind == "link":
        return _below(base, _next_link(headers.get("link", "")))
    if pagination.kind == "next_url":
        found = _value(pagination.cursor, answer)
        return _below(base, found if isinstance(found, str) else None)
    if pagination.parameter is None or pagination.where == "body":
        return None
    given = dict(parse_qsl(query, keep_blank_values=True))
    following = _following(pagination, given, answer)
    if following is None:
        return None
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != pagination.parameter]
    return f"{path}?{urlencode([*pairs, (pagination.parameter, following)])}"


def _following(pagination: Pagination, given: Mapping[str, str], answer: Any) -> str | None:
    if pagination.kind == "cursor":
        cursor = _value(pagination.cursor, answer)
        return str(cursor) if isinstance(cursor, str | int) and not isinstance(cursor, bool) and cursor != "" else None
    count = _count(answer)
    size = _number(given.get(pagination.size_parameter or "")) or pagination.size
    if count == 0 or (size is not None and count is not None and count < size):
        return None
    if pagination.kind == "page":
        at = _number(given.get(pagination.parameter or ""))
        return str((pagination.first if at is None else at) + 1)
    if count is None:
        return None
    return str((_number(given.get(pagination.parameter or "")) or 0) + count)


def _below(base: str, url: str | None) -> str | None:
    """An absolute address as path and query below the base URL; None if it leads anywhere else."""
    if url is None:
        return None
    root, found = urlsplit(base), urlsplit(url)
    if found.netloc and (found.scheme, found.netloc) != (root.scheme, root.netloc):
        return None
    prefix = root.path.rstrip("/") + "/"
    if not found.path.startswith(prefix):
        return None
    return found.path[len(prefix) :] + (f"?{found.query}" if found.query else "")


def _next_link(header: str) -> str | None:
    for found in _LINK.finditer(header):
        if re.search(r";\s*rel=\"?([^\";]*\s)?next(\s[^\";]*)?\"?\s*(;|$)", found[2], re.IGNORECASE):
            return found[1]
    return None


def _count(answer: Any) -> int | None:
    """How many records a page has: of the only list in it."""
    if isinstance(answer, list):
        return len(cast("list[object]", answer))
    if not isinstance(answer, dict):
        return None
    members = cast("dict[str, object]", answer).values()
    lists = [cast("list[object]", value) for value in members if isinstance(value, list)]
    return len(lists[0]) if len(lists) == 1 else None


def _value(source: str | None, answer: Any) -> Any:
    if source is None or answer is None:
        return None
    try:
        return load_expression(source).evaluate(answer)
    except ExpressionFailed:
        return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else None


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
