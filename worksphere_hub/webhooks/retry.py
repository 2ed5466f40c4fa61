"""PURE: what becomes of a delivery after an attempt, by the retry policy of its endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from worksphere_hub.errors import FieldProblem, InvalidInput

GONE = 410
# Answers by which a receiver says that it is too much for it right now, and not that anything is wrong.
SLOW_DOWN = frozenset({429, 502, 503, 504})
_SLOW_SECONDS = 1.0
_LONGEST_SLOW = 86_400.0
# Beyond this a Retry-After is no wait but a mistake.
_ABSURD = 10 * 365 * 86_400.0

_Wait = Annotated[float, Meta(ge=0.1, le=604_800)]
_Deadline = Annotated[float, Meta(ge=1, le=2_592_000)]
_Jitter = Annotated[float, Meta(ge=0, le=1)]


class InvalidRetryPolicy(InvalidInput):
    """The retry policy cannot be used as it is."""

    code = "invalid_retry_policy"


class ScheduleRetry(msgspec.Struct, tag_field="kind", tag="schedule", forbid_unknown_fields=True, frozen=True):
    """These waits, one after the other; `deadline` seconds after the event was accepted it is over in any case."""

    waits: Annotated[list[_Wait], Meta(max_length=100)]
    deadline: _Deadline | None = None
    jitter: _Jitter = 0.2

    def wait(self, step: int) -> float | None:
        """Seconds to wait after attempt number `step`, from 1; None when there is no other."""
        return self.waits[step - 1] if step <= len(self.waits) else None


class ExponentialRetry(msgspec.Struct, tag_field="kind", tag="exponential", forbid_unknown_fields=True, frozen=True):
    """Waits that grow: `first`, then each `factor` times the one before, none over `longest`; `attempts` in all."""

    first: _Wait
    attempts: Annotated[int, Meta(ge=1, le=100)]
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0
    longest: _Wait = 86_400.0
    deadline: _Deadline | None = None
    jitter: _Jitter = 0.2

    def wait(self, step: int) -> float | None:
        """Seconds to wait after attempt number `step`, from 1; None when there is no other."""
        return min(self.first * self.factor ** (step - 1), self.longest) if step < self.attempts else None


RetryPolicy = ScheduleRetry | ExponentialRetry


@dataclass(frozen=True, slots=True)
class Decision:
    """The delivery's next state (delivered, exhausted, pending or held), and the wait in seconds before a retry.

    `slow_down` is for how many seconds nothing else should be sent to the endpoint; `reason` says why it is exhausted.
    """

    next: str
    delay: float = 0.0
    slow_down: float = 0.0
    reason: str | None = None


_DELIVERED = Decision("delivered")
_GONE = Decision("held")


def read_policy(raw: Mapping[str, Any]) -> RetryPolicy:
    """Check a retry policy. Raises InvalidRetryPolicy, which names the field."""
    try:
        return msgspec.convert(raw, RetryPolicy)
    except msgspec.ValidationError as error:
        what = str(error).replace("`$.", "`retry_policy.")
        raise InvalidRetryPolicy(f"{what}.", problems=[FieldProblem("retry_policy", what)]) from None


def decide(
    policy: RetryPolicy, *, status: int | None, step: int, age: float, retry_after: float | None, dice: float
) -> Decision:
    """Decide after attempt number `step` (from 1) of the automatic chain, answered with `status` or not at all.

    2xx is success and 410 says the endpoint is gone for good; everything else, redirects included, is tried again
    until the policy ends. `age` is how many seconds the chain has been going on, `dice` a random number from 0 to 1.
    A receiver's Retry-After is never cut short, except by the deadline, at which there is one last attempt.
    """
    if status is not None and 200 <= status < 300:
        return _DELIVERED
    if status == GONE:
        return _GONE
    slow_down = 0.0
    if status in SLOW_DOWN:
        slow_down = min(max(retry_after or 0.0, _SLOW_SECONDS), _LONGEST_SLOW)
    left = policy.deadline - age if policy.deadline is not None else None
    if left is not None and left <= 0:
        return Decision("exhausted", slow_down=slow_down, reason="deadline")
    wait = policy.wait(step)
    if wait is None:
        return Decision("exhausted", slow_down=slow_down, reason="attempts")
    wait = max(wait * (1 + policy.jitter * dice), retry_after or 0.0)
    if left is not None:
        wait = min(wait, left)
    return Decision("pending", wait, slow_down)


def preview(policy: RetryPolicy) -> list[float]:
    """When each attempt is made, in seconds after the first, without jitter and were each to take no time."""
    moments = [0.0]
    while (wait := policy.wait(len(moments))) is not None:
        moment = moments[-1] + wait
        if policy.deadline is not None and moment >= policy.deadline:
            moments.append(policy.deadline)
            break
        moments.append(moment)
    return moments


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number, with decimals or not, or a date; None for junk.

    Dates are HTTP's (RFC 9110 has three spellings) or ISO 8601's, with the time zone.
    """
    if text is None:
        return None
    text = text.strip()
    if not text or len(text) > 64 or not text.isascii():
        return None
    seconds = _number(text)
    if seconds is None:
        moment = _date(text)
        if moment is None:
            return None
        seconds = max(0.0, (moment - now).total_seconds())
    return seconds if seconds <= _ABSURD else None


def _number(text: str) -> float | None:
    if not text.replace(".", "", 1).isdigit():
        return None
    seconds = float(text)
    return seconds if isfinite(seconds) else None


def _date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
    except (ValueError, IndexError, OverflowError, TypeError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
