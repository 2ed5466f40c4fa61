"""PURE: how many requests a window of time holds."""

from collections import deque
from collections.abc import Callable

# Seconds since 1970 are no finer as floating point numbers; beyond that a wait of 60 seconds would become 61.
_DIGITS = 5


class Rates:
    """Sliding windows by key, on the sandbox's clock."""

    def __init__(self, epoch: Callable[[], float]) -> None:
        self._epoch = epoch
        self._taken: dict[str, deque[float]] = {}

    def take(self, key: str, limit: int, window: float) -> float | None:
        """Count one; None if it fits, else after how many seconds it would. One that does not fit is not counted."""
        now = self._epoch()
        taken = self._taken.setdefault(key, deque())
        while taken and round(taken[0] + window - now, _DIGITS) <= 0:
            taken.popleft()
        if len(taken) >= limit:
            return round(taken[0] + window - now, _DIGITS)
        taken.append(now)
        return None

    def left(self, key: str, limit: int) -> int:
        """How many still fit."""
        return max(0, limit - len(self._taken.get(key, ())))
