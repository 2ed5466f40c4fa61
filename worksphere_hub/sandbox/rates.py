"""PURE: how many requests a window of time holds."""

from collections import deque
from collections.abc import Callable


class Rates:
    """Sliding windows by key, on the sandbox's clock."""

    def __init__(self, epoch: Callable[[], float]) -> None:
        self._epoch = epoch
        self._taken: dict[str, deque[float]] = {}

    def take(self, key: str, limit: int, window: float) -> float | None:
        """Count one; None if it fits, else after how many seconds it would. One that does not fit is not counted."""
        now = self._epoch()
        taken = self._taken.setdefault(key, deque())
        while taken and taken[0] <= now - window:
            taken.popleft()
        if len(taken) >= limit:
            return taken[0] + window - now
        taken.append(now)
        return None

    def left(self, key: str, limit: int) -> int:
        """How many still fit."""
        return max(0, limit - len(self._taken.get(key, ())))
