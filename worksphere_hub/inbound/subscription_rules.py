"""PURE: when a subscription is renewed, and when what failed is tried again. Times in seconds."""

from datetime import UTC, datetime, timedelta

from worksphere_hub.sdk.errors import AuthFailed, ConnectorFailed

# Renewed with this share of its life behind it, give or take a twentieth: not all that were made at once at once again.
_RENEW_AT = 0.7
_JITTER = 0.05
_SHORTEST = timedelta(seconds=30)
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_FIRST_WAIT = 30.0
_LONGEST_WAIT = 3_600.0
# While nobody authorizes the connection anew, looking whether somebody has costs one query.
_UNAUTHORIZED_WAIT = 300.0
# What cannot be ended so many times ends by itself.
LAST_TRY = 8


def renew_at(now: datetime, expires_at: datetime | None, chance: float) -> datetime:
    """When to renew what was made or renewed now; `chance` is from 0 to 1. Far off for what does not expire."""
    if expires_at is None:
        return _NEVER
    life = expires_at - now
    return now + max(life * (_RENEW_AT + _JITTER * (2 * chance - 1)), min(_SHORTEST, life * _RENEW_AT))


def retry_in(failures: int, failure: ConnectorFailed, chance: float) -> float:
    """The wait after a failure that was not the first: doubled each time, or what the provider asked for."""
    if isinstance(failure, AuthFailed):
        return _UNAUTHORIZED_WAIT
    wait = min(_FIRST_WAIT * 2.0 ** min(failures, 10), _LONGEST_WAIT) * (0.75 + chance / 2)
    return max(wait, failure.after or 0.0)
