"""PURE: an endpoint's circuit. A receiver that fails again and again is left alone, then tried with one request."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

# However long it has been failing, an endpoint that has seen few attempts is not written off.
FEWEST_FAILURES = 50


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a circuit opens, and for how long (in seconds)."""

    failures: int = 20  # failures in a row that open it
    pause: float = 30.0  # how long it stays open the first time; twice as long each time the probe fails
    longest_pause: float = 600.0  # but no longer than this


@dataclass(frozen=True, slots=True)
class Circuit:
    """How the circuit stands.

    `failures` in a row since `failing_since`; `openings` in a row; an open one lets a probe through from
    `opens_until` on.
    """

    state: Literal["closed", "open"] = "closed"
    failures: int = 0
    openings: int = 0
    failing_since: datetime | None = None
    opens_until: datetime | None = None


_CLOSED = Circuit()


def allows(circuit: Circuit, now: datetime) -> Literal["all", "probe", "none"]:
    """What may be sent now: anything, one request at a time, or nothing."""
    if circuit.state == "closed":
        return "all"
    return "probe" if circuit.opens_until is None or circuit.opens_until <= now else "none"


def observe(circuit: Circuit, outcomes: Sequence[bool], now: datetime, settings: BreakerSettings) -> Circuit:
    """Hear of attempts in the order in which they ended: True for delivered.

    Any success closes it: the receiver answers. A failure that comes in while it is open is of an attempt that began
    before it opened, and counts without opening it anew; one that comes in when a probe was due is the probe's.
    """
    for good in outcomes:
        if good:
            circuit = _CLOSED
            continue
        was = allows(circuit, now)
        circuit = replace(circuit, failures=circuit.failures + 1, failing_since=circuit.failing_since or now)
        if was == "probe" or (was == "all" and circuit.failures >= settings.failures):
            # Doubled without ever making the number that large.
            pause = min(settings.pause * 2.0 ** min(circuit.openings, 32), settings.longest_pause)
            circuit = replace(
                circuit, state="open", openings=circuit.openings + 1, opens_until=now + timedelta(seconds=pause)
            )
    return circuit


def should_disable(circuit: Circuit, now: datetime, after: timedelta) -> bool:
    """Whether it has failed for so long, and so often, that nobody can be meant to receive there."""
    return (
        circuit.failing_since is not None
        and circuit.failures >= FEWEST_FAILURES
        and now - circuit.failing_since >= after
    )
