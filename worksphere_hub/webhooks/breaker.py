"""PURE: the circuit of an endpoint, which stops sending to one that fails and lets one probe ask whether it is back.

closed --failures in a row--> open --its pause is over, someone takes the probe--> half_open
  ^                            ^                                                     |   |
  |                            +------------ the probe fails: twice the pause -------+   |
  +--------------------------- any success, in any state -------------------------------+
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

# One delivery of the default policy makes ten attempts: what failed fewer than five of these has not shown enough.
DISABLE_FAILURES = 50
DISABLE_AFTER = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a circuit opens and for how long. Times are in seconds."""

    failures: int = 20  # in a row, until it opens
    pause: float = 30.0  # the first time it opens; twice as long each time in a row after that
    longest_pause: float = 600.0
    probe_lease: float = 60.0  # until a probe of which nothing was heard counts as lost; longer than an attempt takes


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of an endpoint's circuit.

    `failures` and `failing_since` are of the attempts since the last success, `openings` counts how often it opened
    since then. `opens_until` says until when nothing is sent: while open for the pause, while half open for the probe.
    """

    state: Literal["closed", "open", "half_open"] = "closed"
    failures: int = 0
    openings: int = 0
    failing_since: datetime | None = None
    opens_until: datetime | None = None


CLOSED = Circuit()


def allows(circuit: Circuit, now: datetime) -> Literal["all", "probe", "none"]:
    """What may be sent now. Who sends the probe stores `start_probe` first: whoever stores it is the one."""
    if circuit.state == "closed":
        return "all"
    return "none" if circuit.opens_until is not None and now < circuit.opens_until else "probe"


def start_probe(circuit: Circuit, now: datetime, settings: BreakerSettings) -> Circuit:
    """The circuit with its one probe on the way. Should the probe be lost, the next may go when its lease is over."""
    return replace(circuit, state="half_open", opens_until=now + timedelta(seconds=settings.probe_lease))


def observe(
    circuit: Circuit,
    outcomes: Sequence[bool],
    now: datetime,
    settings: BreakerSettings,
    *,
    began: Sequence[datetime] | None = None,
) -> Circuit:
    """The circuit after attempts that ended well (True) or not, in the order in which they ended.

    Any success closes it and forgets everything, since what answered is there. Attempts may end late, which began
    before it opened: while it is open a failure is counted, but neither opens it again nor lengthens its pause. While
    it is half open a failure opens it again, for twice as long, unless `began` (when each outcome's attempt began)
    says that it began before the probe; without `began` it is taken for the probe's.
    """
    for number, succeeded in enumerate(outcomes):
        if succeeded:
            circuit = CLOSED
            continue
        late = began is not None and _began_before_probe(circuit, began[number], settings)
        circuit = replace(circuit, failures=circuit.failures + 1, failing_since=circuit.failing_since or now)
        fills = circuit.state == "closed" and circuit.failures >= settings.failures
        if fills or (circuit.state == "half_open" and not late):
            circuit = _opened(circuit, now, settings)
    return circuit


def should_disable(circuit: Circuit, now: datetime, after: timedelta = DISABLE_AFTER) -> bool:
    """Whether it failed without one success for that long, and DISABLE_FAILURES times at least.

    The number keeps an endpoint that few events go to from being given up after a single delivery's bad luck.
    """
    return (
        circuit.failing_since is not None
        and circuit.failures >= DISABLE_FAILURES
        and now - circuit.failing_since >= after
    )


def _opened(circuit: Circuit, now: datetime, settings: BreakerSettings) -> Circuit:
    # An exponent without bound would overflow long after it stopped mattering.
    pause = min(settings.pause * 2.0 ** min(circuit.openings, 64), settings.longest_pause)
    return replace(circuit, state="open", openings=circuit.openings + 1, opens_until=now + timedelta(seconds=pause))


def _began_before_probe(circuit: Circuit, began: datetime, settings: BreakerSettings) -> bool:
    if circuit.state != "half_open" or circuit.opens_until is None:
        return False
    return began < circuit.opens_until - timedelta(seconds=settings.probe_lease)
