"""PURE: how long an answer asks to wait: seconds, decimals, moments, dates of either spelling, in a header or the body.

Whoever sends it decides the format, not the standard: Microsoft sends `2.128`, Zoom an ISO date, Google a sentence.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.manifest.api import Format, Hint

_NUMBER = re.compile(
    r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*(ms|s|sec|secs|seconds?|m|min|minutes?|h|hours?)?\s*", re.IGNORECASE
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?")
# Beyond this a number of seconds is a moment since 1970.
_EPOCH_FROM = 1_000_000_000.0
_LONGEST = 7 * 86_400.0


def wait_seconds(said: object, form: Format, now: float) -> float | None:
    """Seconds from `now` (since 1970), not negative and a week at most; None if that is no wait."""
    seconds = _seconds(said, form, now)
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), _LONGEST)


def longest_wait(
    hints: Sequence[Hint], headers: Mapping[str, str], body: Callable[[], Any], now: float
) -> float | None:
    """The longest wait that any of the hints names; header names in lower case, `body` decodes the body when asked."""
    found: list[float] = []
    for hint in hints:
        said: object = headers.get(hint.header.lower()) if hint.header is not None else None
        if said is None and hint.body is not None:
            said = _from_body(hint.body, body())
        seconds = wait_seconds(said, hint.format, now)
        if seconds is not None:
            found.append(seconds)
    return max(found, default=None)


def _from_body(source: str, body: Any) -> object:
    if body is None:
        return None
    try:
        return load_expression(source).evaluate(body)
    except ExpressionFailed:
        return None


def _seconds(said: object, form: Format, now: float) -> float | None:
    if isinstance(said, bool) or said is None:
        return None
    number, text = _number(said), str(said)
    if form in _DATES or (number is None and form == "any"):
        found = [read(text, now) for read in _DATES.get(form, (_iso, _date))]
        return next((seconds for seconds in found if seconds is not None), None)
    if number is None:
        return None
    if form == "any":
        form = "epoch" if number >= _EPOCH_FROM else "seconds"
    seconds = number / 1000 if form in {"milliseconds", "epoch_milliseconds"} else number
    return seconds - now if form in {"epoch", "epoch_milliseconds"} else seconds


def _number(said: object) -> float | None:
    if isinstance(said, int | float):
        return float(said)
    found = _NUMBER.fullmatch(str(said))
    if found is None:
        return None
    unit = (found[2] or "s").lower()
    return float(found[1]) * _UNITS["ms" if unit == "ms" else unit[0]]


def _date(text: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now


def _iso(text: str, now: float) -> float | None:
    # It may stand in a sentence: "User-rate limit exceeded. Retry after 2024-05-01T10:00:00.000Z".
    found = _ISO.search(text)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[0])
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now


_DATES: dict[str, tuple[Callable[[str, float], float | None], ...]] = {"http_date": (_date,), "iso": (_iso,)}
