"""PURE: how many requests a second one key may make, counted in this process only."""

from collections import OrderedDict
from dataclasses import dataclass

from worksphere_hub.http.errors import RateLimited


@dataclass(slots=True)
class TokenBucket:
    """`rate` tokens a second (above 0), at most `burst` (1 or more) of them saved up."""

    rate: float
    burst: float
    tokens: float
    at: float

    def take(self, now: float) -> float:
        """Take one token; returns 0, or the seconds until there is one and takes none."""
        elapsed = max(0.0, now - self.at)
        self.tokens = min(self.burst, self.tokens + elapsed * self.rate)
        self.at = max(self.at, now)
        if self.tokens >= 1.0:
            self.tokens -= 1.0
            return 0.0
        return (1.0 - self.tokens) / self.rate


class RateLimiter:
    """A bucket for each key that was seen lately."""

    def __init__(self, keys: int = 10_000) -> None:
        """Keep at most `keys` buckets; the one unused longest is forgotten, and would come back full."""
        self._keys = keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, rate: float, burst: float, now: float) -> float:
        """Take one token of `key`'s; returns 0, or the seconds to wait. `now` is in monotonic seconds."""
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(rate, burst, tokens=burst, at=now)
            if len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
            bucket.rate, bucket.burst = rate, burst  # a changed plan takes effect at once
        return bucket.take(now)

    def require(self, key: str, rate: float, burst: float, now: float) -> None:
        """Take one token of `key`'s, or raise RateLimited with the wait."""
        wait = self.take(key, rate, burst, now)
        if wait > 0:
            detail = f"This key may make {rate:g} requests a second, {burst:g} at once. Wait {wait:.2f} s."
            raise RateLimited(detail, retry_after=wait)
