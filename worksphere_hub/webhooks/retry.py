"""PURE: when a delivery is tried again, and what becomes of it after an attempt."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal

import msgspec

from worksphere_hub.errors import FieldProblem
from worksphere_hub.webhooks.errors import InvalidRetryPolicy
from worksphere_hub.webhooks.settings import STANDARD_SCHEDULE

GONE = 410
# What a receiver may say of a delivery in the header `webhook-delivery` of a refusal, and of its endpoint.
ABORT, DISABLE = "abort-message", "disable"
# What says that the whole endpoint has enough for now, and not only that this one delivery failed.
OVERLOADED = frozenset({429, 502, 503, 504})

SHORTEST_WAIT = 0.1
LONGEST_WAIT = 604_800.0
MOST_ATTEMPTS = 100
SHORTEST_DEADLINE, LONGEST_DEADLINE = 1.0, 2_592_000.0
LAST_TRY_GRACE = 5.0
SLOW_DOWN, LONGEST_SLOW_DOWN = 1.0, 86_400.0
LONGEST_RETRY_AFTER = 10 * 365 * 86_400.0

_Wait = Annotated[float, msgspec.Meta(ge=SHORTEST_WAIT, le=LONGEST_WAIT)]
_Deadline = Annotated[float, msgspec.Meta(ge=SHORTEST_DEADLINE, le=LONGEST_DEADLINE)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class ScheduleRetry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="schedule"):
    """Waits in seconds between one attempt and the next, one attempt more than there are waits.

    `deadline` is in seconds from the event's acceptance; `jitter` is the share by which a wait is lengthened at most.
    """

    waits: Annotated[tuple[_Wait, ...], msgspec.Meta(max_length=MOST_ATTEMPTS)]
    deadline: _Deadline | None = None
    jitter: _Share = 0.2

    def wait_after(self, step: int) -> float | None:
        """The wait in seconds after attempt number `step` (from 1); None when that was the last."""
        return self.waits[step - 1] if step <= len(self.waits) else None


class ExponentialRetry(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind", tag="exponential"
):
    """Waits that grow by `factor` from `first` seconds up to `longest`, for `attempts` attempts in all."""

    first: _Wait
    attempts: Annotated[int, msgspec.Meta(ge=1, le=MOST_ATTEMPTS)]
    factor: Annotated[float, msgspec.Meta(ge=1, le=10)] = 2.0
    longest: _Wait = 86_400.0
    deadline: _Deadline | None = None
    jitter: _Share = 0.2

    def wait_after(self, step: int) -> float | None:
        """The wait in seconds after attempt number `step` (from 1); None when that was the last."""
        return min(self.first * self.factor ** (step - 1), self.longest) if step < self.attempts else None


RetryPolicy = ScheduleRetry | ExponentialRetry

DEFAULT_POLICY = ScheduleRetry(STANDARD_SCHEDULE)

_decoder: msgspec.json.Decoder[RetryPolicy] = msgspec.json.Decoder(RetryPolicy)


def read_policy(raw: bytes | Mapping[str, Any]) -> RetryPolicy:
    """A policy from its JSON, or from that as a mapping; InvalidRetryPolicy names the field that is wrong."""
    try:
        policy = _decoder.decode(raw) if isinstance(raw, bytes) else msgspec.convert(raw, RetryPolicy)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _refusal(str(error)) from None
    if isinstance(policy, ExponentialRetry) and policy.longest < policy.first:
        raise _refusal("Expected at least as many seconds as `first` has - at `$.longest`")
    return policy


def _refusal(message: str) -> InvalidRetryPolicy:
    """Msgspec's message with the field that it speaks of, by the path at its end or the name within."""
    what, _, path = message.partition(" - at `$")
    name = re.match(r"\.(\w+)", path) or re.search(r"field `([^`]{1,50})`", what)
    field = name[1] if name else ""
    said = f"{what[:200]}." if field else "Expected an object with `kind` schedule or exponential."
    detail = f"The retry policy's {field} is wrong: {said}" if field else f"The retry policy is wrong: {said}"
    return InvalidRetryPolicy(detail, problems=[FieldProblem(field, said)])


@dataclass(frozen=True, slots=True)
class Decision:
    """The delivery's next state, and what it means for the endpoint.

    `delay` is the wait in seconds before a retry. `disable` says to disable the endpoint. `slow_down` is for how many
    seconds nothing else should be sent to it. `reason` is deadline, attempts or aborted when exhausted, gone when held.
    """

    next: Literal["delivered", "exhausted", "pending", "held"]
    delay: float = 0.0
    disable: bool = False
    slow_down: float = 0.0
    reason: Literal["deadline", "attempts", "aborted", "gone"] | None = None


_DELIVERED = Decision("delivered")
_GONE = Decision("held", disable=True, reason="gone")
_ABORTED = Decision("exhausted", reason="aborted")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a receiver asked for beside its status: a wait in seconds, and a word of `webhook-delivery`."""

    retry_after: float | None = None
    control: str | None = None


NOTHING_ASKED = Asked()


def decide(
    policy: RetryPolicy, *, status: int | None, step: int, age: float, asked: Asked = NOTHING_ASKED, dice: float
) -> Decision:
    """Decide after automatic attempt number `step` (from 1), answered with `status` or not at all (None).

    `age` is how many seconds ago the event was accepted, now that the answer is here; `asked` is what its receiver
    asked for; `dice` is a random number from 0 to 1 for the jitter, which only ever lengthens.

    2xx is success; 410, or the word `disable`, says that the endpoint is gone for good; `abort-message` ends this
    delivery. Everything else, redirects included, is tried again until the attempts are used up or the deadline is
    reached. A receiver's Retry-After is waited out in full, but no wait goes past the deadline: the last try is made at
    it. A try within SHORTEST_WAIT of it is that last try.
    """
    if status is not None and 200 <= status < 300:
        return _DELIVERED
    if status == GONE or asked.control == DISABLE:
        return _GONE
    if asked.control == ABORT:
        return _ABORTED
    slow_down = min(max(asked.retry_after or 0.0, SLOW_DOWN), LONGEST_SLOW_DOWN) if status in OVERLOADED else 0.0
    # A clock that went backwards must not make the deadline later.
    left = None if policy.deadline is None else policy.deadline - max(age, 0.0)
    if left is not None and left < SHORTEST_WAIT:
        return Decision("exhausted", slow_down=slow_down, reason="deadline")
    planned = policy.wait_after(step)
    if planned is None:
        return Decision("exhausted", slow_down=slow_down, reason="attempts")
    wait = max(planned * (1 + policy.jitter * dice), asked.retry_after or 0.0)
    return Decision("pending", wait if left is None else min(wait, left), slow_down=slow_down)


def admit(policy: RetryPolicy, *, age: float, wait: float) -> Decision | None:
    """What becomes of a delivery that is due, before an attempt; None when it is to be sent now.

    `age` is as for decide; `wait` is for how many seconds the endpoint's circuit, rate or slowing down keeps it back, 0
    if nothing does. It is put off by that, up to its deadline; if it is kept back even then it is exhausted without
    another attempt, and so is one that comes later than LAST_TRY_GRACE after its deadline, say from a worker that died.
    """
    left = None if policy.deadline is None else policy.deadline - max(age, 0.0)
    if left is not None and (left < -LAST_TRY_GRACE or (wait > 0 and left < SHORTEST_WAIT)):
        return Decision("exhausted", reason="deadline")
    if wait <= 0:
        return None
    return Decision("pending", wait if left is None else min(wait, left))


def preview(policy: RetryPolicy) -> list[float]:
    """When each attempt is made if all fail: seconds from the event's acceptance, without jitter; the first is 0."""
    offsets = [0.0]
    while (decision := decide(policy, status=None, step=len(offsets), age=offsets[-1], dice=0.0)).next == "pending":
        offsets.append(offsets[-1] + decision.delay)
    return offsets


_SECONDS = re.compile(r"[0-9]+\.?[0-9]*|\.[0-9]+")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]")
_SHORT_YEAR = re.compile(r"(?<=[0-9]-[A-Za-z]{3}-)[0-9]{2}(?= )", re.ASCII)


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header; None for junk, and for more than ten years, which nobody means.

    Seconds with decimals or not, an HTTP date in any of RFC 9110's three forms, or an ISO 8601 date and time; a moment
    that has passed is 0. Never raises.
    """
    text = (text or "").strip()
    # Longer than any date: spare the readers below what is no answer.
    if not text or len(text) > 64:
        return None
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        moment = _moment(text, now)
        if moment is None:
            return None
        seconds = max(0.0, (moment - now).total_seconds())
    return seconds if seconds <= LONGEST_RETRY_AFTER else None


def _moment(text: str, now: datetime) -> datetime | None:
    """The moment that a date names; one without an offset is in UTC."""
    try:
        if _ISO.match(text):
            moment = datetime.fromisoformat(text)
        else:
            moment = parsedate_to_datetime(_SHORT_YEAR.sub(lambda year: _whole_year(year[0], now), text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole_year(two_digits: str, now: datetime) -> str:
    """RFC 9110: what seems more than fifty years ahead is the latest year past with the same two digits."""
    year = now.year // 100 * 100 + int(two_digits)
    return f"{year - 100 if year > now.year + 50 else year:04d}"
