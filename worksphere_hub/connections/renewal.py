"""PURE: when a credential is renewed, and what becomes of it when that fails."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# A token this near its end is as good as ended: the call would arrive too late, or our clocks differ.
MARGIN = timedelta(seconds=15)
_AT = 0.80
_SPREAD = 0.05
_IDLE_AT = 0.5
_FIRST_WAIT = 15.0
_LONGEST_WAIT = 3_600.0


@dataclass(frozen=True, slots=True)
class Life:
    """A credential's times. None: not known."""

    obtained_at: datetime
    expires_at: datetime | None
    refreshable: bool
    idle_seconds: int | None = None


def is_usable(expires_at: datetime | None, now: datetime) -> bool:
    """Whether an access token may still be sent."""
    return expires_at is None or now + MARGIN < expires_at


def due_at(life: Life, keep_alive: float, chance: float) -> datetime | None:
    """When to renew without being asked: at 80 % of the access token's life, give or take 5 %, spread by `chance`
    (0 to 1); an idle refresh token at half of what it may lie idle. None: nobody needs to.

    Where no end is known, every `keep_alive` seconds, so that a dead credential is found before somebody needs it.
    """
    if not life.refreshable:
        return None
    moments = [life.obtained_at + timedelta(seconds=keep_alive * _around(1 - _SPREAD, chance))]
    if life.expires_at is not None:
        moments.append(life.obtained_at + (life.expires_at - life.obtained_at) * _around(_AT, chance))
    if life.idle_seconds is not None:
        moments.append(life.obtained_at + timedelta(seconds=life.idle_seconds * _around(_IDLE_AT, chance)))
    return min(moments)


def idle_due_at(life: Life, keep_alive: float, chance: float) -> datetime | None:
    """The same for a connection that nobody uses at present: only what keeps the refresh token alive."""
    return due_at(Life(life.obtained_at, None, life.refreshable, life.idle_seconds), keep_alive, chance)


def wait_after(failures: int, chance: float, retry_after: float | None = None) -> float:
    """Seconds until the next try after so many failures in a row: doubled each time up to an hour, with jitter."""
    wait = min(_FIRST_WAIT * 2.0 ** min(max(failures, 1) - 1, 20), _LONGEST_WAIT) * (0.75 + chance / 2)
    return max(wait, min(retry_after or 0.0, 86_400.0))


def may_spend_again(rotation: str, expires_at: datetime | None, now: datetime) -> bool:
    """Whether a refresh token, of which nobody knows whether it was spent, is tried again at once.

    A provider that revokes the whole family on reuse would take the access token away, too. That one is used up first:
    then nothing is lost by trying.
    """
    return rotation != "family" or not is_usable(expires_at, now)


def _around(share: float, chance: float) -> float:
    return share + _SPREAD * (2 * chance - 1)
