"""The sandbox's own time: it runs like the wall clock and can be moved forward, so that tokens and channels end now."""

from datetime import UTC, datetime

from worksphere_hub import clock


class SandboxClock:
    """Seconds since 1970 from `start` (the wall clock's now if None) on, plus whatever was advanced."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = clock.epoch() if start is None else start.timestamp()
        self._began = clock.monotonic()
        self._advanced = 0.0
        self._stopped_at: float | None = None

    def epoch(self) -> float:
        """The sandbox's time in seconds since 1970."""
        running = clock.monotonic() if self._stopped_at is None else self._stopped_at
        return self._start + running - self._began + self._advanced

    def now(self) -> datetime:
        """The sandbox's time, in UTC."""
        return datetime.fromtimestamp(self.epoch(), UTC)

    def advance(self, seconds: float) -> None:
        """Move forward. A negative number is refused: no vendor's clock goes back."""
        if seconds < 0:
            raise ValueError("The sandbox's clock only goes forward.")
        self._advanced += seconds

    def stop(self) -> None:
        """Stand still, but for what is advanced: then no test depends on how quick its machine is."""
        self._stopped_at = self._stopped_at or clock.monotonic()

    @staticmethod
    def wall() -> float:
        """The wall clock, for what the other side stamps or checks by its own clock: signatures and assertions."""
        return clock.epoch()


def iso(moment: datetime, *, digits: int = 3, zone: str = "Z") -> str:
    """A stamp as vendors write it: `2026-01-15T09:00:00.000Z`, with 0 or 3 digits of a second."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment.microsecond // 1000:03d}{zone}" if digits else f"{text}{zone}"


def parse_iso(text: str) -> datetime:
    """A moment from any ISO 8601 spelling, in UTC; a bare date is its midnight. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
