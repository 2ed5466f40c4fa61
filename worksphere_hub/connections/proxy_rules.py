"""PURE: what of a proxied call goes on to the provider, what of the answer comes back, and when it is tried again."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from worksphere_hub.connections.waits import longest_wait, wait_seconds
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.manifest.api import Api, RateRule, Retry
from worksphere_hub.security.headers import CONNECTION_HEADERS

# Done twice they have done what once would have (RFC 9110 9.2.2).
_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
# The caller's own with the hub, and what would tell the provider who is behind it.
_OURS = frozenset(
    {"authorization", "cookie", "idempotency-key", "forwarded", "via", "x-real-ip", "x-request-id", "user-agent",
     "origin", "referer"}
)  # fmt: skip
_OUR_PREFIXES = ("hub-", "x-forwarded-", "sec-", "cf-", "webhook-")
# An answer is given from the hub's own address: what it says there to browsers is the hub's to say.
_NOT_BACK = CONNECTION_HEADERS | {
    "set-cookie", "content-security-policy", "content-security-policy-report-only", "strict-transport-security",
    "access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-headers",
    "access-control-allow-methods", "access-control-expose-headers", "cross-origin-opener-policy",
    "cross-origin-resource-policy", "cross-origin-embedder-policy", "permissions-policy", "referrer-policy",
    "x-content-type-options", "x-frame-options", "cache-control", "server", "x-request-id", "clear-site-data",
    "www-authenticate", "alt-svc", "report-to", "date", "nel",
}  # fmt: skip
_FIRST_WAIT = 0.5
_LONGEST_BACKOFF = 8.0


def forwarded(headers: Iterable[tuple[str, str]], placed: frozenset[str], api: Api) -> dict[str, str]:
    """The caller's headers that go on to the provider; a credential's places are not the caller's to fill."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name == "idempotency-key" and api.idempotency_header is not None:
            found[api.idempotency_header.lower()] = value
        elif name not in _OURS | CONNECTION_HEADERS | placed and not name.startswith(_OUR_PREFIXES):
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def returned(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The provider's headers that come back to the caller."""
    return [(name.lower(), value) for name, value in headers if name.lower() not in _NOT_BACK]


def without(query: str, names: frozenset[str]) -> str:
    """A query without the parameters that a credential is placed in."""
    if not names:
        return query
    return "&".join(pair for pair in query.split("&") if pair and pair.partition("=")[0] not in names)


def may_repeat(method: str, headers: Mapping[str, str], api: Api) -> bool:
    """Whether a call may be made again though nobody knows what became of it."""
    key = api.idempotency_header
    return method in _IDEMPOTENT or (key is not None and key.lower() in headers)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, as far as it takes to decide; `body` is what of it has been read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def is_rate_limited(retry: Retry, heard: Heard) -> bool:
    """Whether the provider says that it was asked too often: then nothing was done."""
    if heard.status == 429:
        return True
    if retry.rate_limited is None:
        return False
    answer = _decoded(heard.body)
    try:
        return answer is not None and load_expression(retry.rate_limited).truth(answer)
    except ExpressionFailed:
        return False


def asked_wait(retry: Retry, heard: Heard, now: float) -> float | None:
    """Seconds that an answer asks to wait, by the longest of the manifest's hints."""
    return longest_wait(retry.after, heard.headers, lambda: _decoded(heard.body), now)


def backoff(tries: int, chance: float) -> float:
    """Seconds before another try where nobody says: doubled each time, with jitter."""
    return min(_FIRST_WAIT * 2.0 ** max(tries - 1, 0), _LONGEST_BACKOFF) * (0.5 + chance / 2)


def matching(rules: Iterable[RateRule], method: str, path: str) -> list[RateRule]:
    """The budgets that a call spends of."""
    return [rule for rule in rules if not rule.match or any(_matches(each, method, path) for each in rule.match)]


def budget_key(rule: RateRule, integration: tuple[UUID, str], who: Mapping[str, str | None]) -> bytes:
    """Whose budget it is, as it is stored: the same for all who spend it. `who` has account, client and connection."""
    owner = who[rule.scope] or who["connection"] or ""
    scope = rule.scope if who[rule.scope] else "connection"
    parts = (integration[0].hex, integration[1], rule.name, scope, owner)
    return hashlib.sha256("\0".join(parts).encode()).digest()


def remaining(rule: RateRule, headers: Mapping[str, str], now: float) -> tuple[float | None, float | None]:
    """What the provider says is left of a budget, and for how many seconds nothing is if nothing is."""
    left: float | None = None
    if rule.remaining_header is not None:
        said = headers.get(rule.remaining_header.lower(), "")
        left = float(said) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", said.strip()) else None
    if left is None or left >= 1 or rule.reset is None or rule.reset.header is None:
        return left, None
    return left, wait_seconds(headers.get(rule.reset.header.lower()), rule.reset.format, now)


def _matches(pattern: str, method: str, path: str) -> bool:
    wanted, _, shape = pattern.partition(" ")
    if wanted not in {"*", method}:
        return False
    text = "".join("[^/]*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", shape))
    return re.fullmatch(text, path) is not None


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
