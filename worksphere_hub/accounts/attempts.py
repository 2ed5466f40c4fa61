"""PURE: how many wrong passwords are put up with, for one e-mail address and from one network address."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from worksphere_hub.accounts.errors import TooManyAttempts
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.http.rates import TokenBucket

_REMEMBERED = 10_000
_EMAIL_SECONDS = 60.0  # until one more attempt is allowed
_ADDRESS_SECONDS = 6.0


class Attempts:
    """Counts attempts to sign in, in this process. A right password gives its attempt back.

    Every attempt counts from its beginning: a hundred at once must not all pass before the first has failed.
    """

    def __init__(self, settings: AccountSettings) -> None:
        self._emails = _Buckets(1 / _EMAIL_SECONDS, settings.attempts_per_email)
        self._addresses = _Buckets(1 / _ADDRESS_SECONDS, settings.attempts_per_address)

    def begin(self, email: str, address: str | None, now: float) -> None:
        """Count an attempt, or raise TooManyAttempts. `now` is in monotonic seconds."""
        wait = max(self._addresses.take(_network(address), now), self._emails.take(email, now))
        if wait > 0:
            raise TooManyAttempts(f"Wait {wait:.0f} s and try again.", retry_after=wait)

    def succeeded(self, email: str, address: str | None) -> None:
        """Give back the attempt that a right password took."""
        self._addresses.give_back(_network(address))
        self._emails.give_back(email)


class _Buckets:
    """A bucket for each name that was seen lately."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        bucket = self._buckets.setdefault(name, TokenBucket(self._rate, self._burst, tokens=self._burst, at=now))
        self._buckets.move_to_end(name)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket.take(now)

    def give_back(self, name: str) -> None:
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket.tokens = min(bucket.burst, bucket.tokens + 1)


def _network(address: str | None) -> str:
    """What one client can change at will counts as one: the lower half of an IPv6 address."""
    if address is None:
        return ""
    parsed = ip_address(address)
    return parsed.exploded[:19] if isinstance(parsed, IPv6Address) else address
