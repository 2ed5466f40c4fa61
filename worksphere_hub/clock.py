"""The one place time comes from. Due times are decided by the database's clock, never by this one."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The wall clock, in UTC, for stamps that people read."""
    return datetime.now(UTC)


def epoch() -> float:
    """The wall clock in seconds since 1970, for signatures."""
    return time.time()


def monotonic() -> float:
    """Seconds that never go backwards, for deadlines and durations."""
    return time.monotonic()
