"""A token bucket, which keeps an endpoint to so many deliveries a second: the model of hub.endpoint_allowance()."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

# Two processes' clocks may differ by less than this; a clock that is further back was set back.
LONGEST_SKEW = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many tokens there were, fractions included, at a moment."""

    tokens: float
    at: datetime


def take(bucket: Bucket, rate: float, burst: float, wanted: int, now: datetime) -> tuple[int, Bucket]:
    """How many of the `wanted` tokens are granted, whole ones only, and the bucket after that.

    `rate` is in tokens a second, fractions allowed; `burst` is what the bucket holds at most, and one at least, since
    nothing would ever pass a smaller one. Over any time t no more than rate * t + burst are granted. A moment before
    the bucket's own brings nothing: neither a process whose clock is behind nor one that was set back makes a burst.
    """
    tokens, at = _filled(bucket, rate, burst, now)
    granted = min(max(wanted, 0), math.floor(tokens))
    return granted, Bucket(tokens - granted, at)


def until_next(bucket: Bucket, rate: float, now: datetime) -> float:
    """Seconds until there is a whole token, 0 if there is; infinite when the rate is 0. In whole microseconds."""
    # A burst of just more than one, since a fuller bucket makes no difference to whether one is there.
    tokens, at = _filled(bucket, rate, max(2.0, bucket.tokens), now)
    if tokens >= 1:
        return 0.0
    if rate <= 0:
        return math.inf
    # The next microsecond, so that who comes back then does not find the last of it missing.
    filling = math.floor((1 - tokens) / rate * 1e6 + 1) / 1e6
    return filling + (at - now).total_seconds()


def _filled(bucket: Bucket, rate: float, burst: float, now: datetime) -> tuple[float, datetime]:
    """The tokens there are now, and the moment up to which the time has been turned into tokens."""
    elapsed = now - bucket.at
    tokens = max(bucket.tokens, 0.0) + max(rate, 0.0) * max(elapsed.total_seconds(), 0.0)
    # A clock that was set back is followed, or an hour back would mean an hour of nothing.
    at = now if elapsed > timedelta() or elapsed < -LONGEST_SKEW else bucket.at
    return min(tokens, max(burst, 1.0)), at
