"""PURE: whether a call is made again, and after how long."""

from dataclasses import dataclass

# The hub itself says 409 while the first request with the same key is still at work.
_PASSING = frozenset({429, 502, 503, 504})
IN_PROGRESS = "request_in_progress"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is repeated and how long is waited at most, in seconds."""

    retries: int = 4
    first: float = 0.25
    longest: float = 20.0


def passes(status: int, code: str | None) -> bool:
    """Whether an answer is of the kind that goes away by itself."""
    return status in _PASSING or (status == 409 and code == IN_PROGRESS)


def wait_before(patience: Patience, retry: int, retry_after: float | None, chance: float) -> float | None:
    """Seconds to wait before retry number `retry` (from 1), or None to give up.

    Full jitter: `chance`, of 0 to 1, picks the wait out of a window that doubles. What the hub asked for by Retry-After
    comes on top; a hub that asks for more than the longest wait is not waited for.
    """
    if retry > patience.retries or (retry_after or 0.0) > patience.longest:
        return None
    window = min(patience.longest, patience.first * 2.0 ** min(retry - 1, 30))
    return (retry_after or 0.0) + window * chance


def read_retry_after(value: str | None) -> float | None:
    """Seconds of a Retry-After header; a hub never sends the form with a date."""
    if value is None or not (value.isascii() and value.isdigit()):
        return None
    return float(value[:9])
