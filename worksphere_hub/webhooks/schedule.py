"""PURE: what becomes of a delivery after an attempt."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from worksphere_hub.webhooks.settings import WebhookSettings

GONE = 410


@dataclass(frozen=True, slots=True)
class Decision:
    """The delivery's next state (delivered, exhausted, pending or held), and the wait in seconds before a retry."""

    next: str
    delay: float = 0.0
    disable: bool = False


_DELIVERED = Decision("delivered")
_GONE = Decision("held", disable=True)


def decide(
    settings: WebhookSettings, *, status: int | None, attempt: int, retry_after: float | None, dice: float
) -> Decision:
    """Decide after attempt number `attempt` (from 1), answered with `status` or not at all.

    2xx is success and 410 says the endpoint is gone for good; everything else, redirects included, is tried again
    until the schedule ends. `dice` is a random number from 0 to 1 for the jitter.
    """
    if status is not None and 200 <= status < 300:
        return _DELIVERED
    if status == GONE:
        return _GONE
    if attempt > len(settings.schedule):
        return Decision("exhausted")
    wait = settings.schedule[attempt - 1] * (1 + settings.jitter * dice)
    if retry_after is not None:
        wait = max(wait, min(retry_after, settings.retry_after_limit))
    return Decision("pending", wait)


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number, with decimals or not, or an HTTP date; None for junk."""
    if text is None:
        return None
    text = text.strip()
    if text.replace(".", "", 1).isdigit() and text.isascii():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
