"""Receivers in virtual time, each with its own way to fail until it recovers, if it ever does."""

import math
from dataclasses import dataclass
from random import Random

KINDS = ("healthy", "dead", "flapping", "limited", "overloaded", "slow", "refusing", "gone")
TIMEOUT = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, if anything, and after how many seconds; `retry_after` is the header's text."""

    status: int | None
    seconds: float
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """Fails by its kind until `recovers` (seconds from the start), then answers well and quickly."""

    kind: str
    recovers: float
    period: float
    share: float

    def answer(self, dice: Random, at: float) -> Answer:
        """What it says to an attempt that begins at this moment."""
        if at >= self.recovers:
            return _fine(dice)
        match self.kind:
            case "dead":
                return _dead(dice)
            case "flapping":
                return _fine(dice) if int(at / self.period) % 2 else _dead(dice)
            case "gone":
                return Answer(410, 0.02) if at > self.period else _fine(dice)
            case _:
                return (
                    _FAILURES[self.kind](dice) if dice.random() < self.share else _PATIENT.get(self.kind, _fine)(dice)
                )


def draw(dice: Random) -> Receiver:
    """A receiver at random."""
    kind = dice.choice(KINDS)
    recovers = math.inf if dice.random() < 0.3 else 10 ** dice.uniform(1, 4.3)
    return Receiver(
        kind,
        0.0 if kind == "healthy" else recovers,
        period=10 ** dice.uniform(1, 3),
        share=dice.choice((0.2, 0.6, 0.95, 1.0)),
    )


def _fine(dice: Random) -> Answer:
    return Answer(dice.choice((200, 202, 204)), dice.uniform(0.01, 0.5))


def _dead(dice: Random) -> Answer:
    return dice.choice((Answer(None, TIMEOUT), Answer(None, 0.01), Answer(500, 0.1), Answer(500, 4.0)))


def _limited(dice: Random) -> Answer:
    return Answer(429, 0.05, dice.choice((None, "soon", "1", "2.5", "30", "600", str(dice.randrange(1, 20_000)))))


def _overloaded(dice: Random) -> Answer:
    return Answer(dice.choice((502, 503, 504)), dice.uniform(0.1, 9), dice.choice((None, None, "5", "120")))


_FAILURES = {
    "limited": _limited,
    "overloaded": _overloaded,
    "slow": lambda _: Answer(None, TIMEOUT),
    "refusing": lambda dice: Answer(dice.choice((301, 400, 401, 404, 500)), 0.02),
}

# How those succeed that do not do it quickly even then.
_PATIENT = {
    "overloaded": lambda dice: Answer(200, dice.uniform(0.5, 5)),
    "slow": lambda dice: Answer(204, dice.uniform(3, TIMEOUT)),
}
