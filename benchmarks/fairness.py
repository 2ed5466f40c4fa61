"""Whether one's trouble is another's: many endpoints, one dead receiver in a hundred, one flood beside quiet ones."""

import time

from benchmarks.deliveries import at_rate, full_speed, middle
from benchmarks.stage import Load, Stage, load, loading, outcome, percentiles, stage

_MANY = 1_000
_HUNDRED = 100
_QUIET = 20
_QUIET_RATE = 100.0


def many_endpoints(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """A thousand endpoints, each with its own event type."""
    with stage() as made:
        made.organization("bench")
        for number in range(_MANY):
            made.endpoint("bench", "bench", [f"bench.{number}"])
        # The first event of a type works out its fan-out over all endpoints; the others share it.
        first = time.monotonic()
        warmed = 0
        while warmed < 2 * _MANY:
            warmed += load(made, Load(("bench",), 5.0, types=_MANY))["answered"]
        warming = time.monotonic() - first
        made.until_arrived(warmed)
        full = [full_speed(made, Load(("bench",), seconds, types=_MANY)) for _ in range(rounds)]
        delivered = middle([each["delivered"] for each in full])
        half = at_rate(made, Load(("bench",), seconds, delivered / 2, types=_MANY))
    return [
        ("1,000 endpoints: until every type had its fan-out", f"{warming:,.0f} s"),
        ("1,000 endpoints: accepted", f"{middle([each['accepted'] for each in full]):,.0f} events/s"),
        ("1,000 endpoints: delivered", f"{delivered:,.0f} events/s"),
        ("1,000 endpoints: p50, p99 at half load", f"{half['p50']:.1f}, {half['p99']:.1f} ms"),
    ]


def dead_receiver(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """A hundred endpoints, all well; then one of them never answers."""
    wanted = Load(("bench",), seconds, rate=1_000.0, types=_HUNDRED)
    with stage() as made:
        made.organization("bench")
        for number in range(1, _HUNDRED):
            made.endpoint("bench", "well", [f"bench.{number}"])
        alone = [_others(made, wanted) for _ in range(rounds)]
        made.endpoint("bench", "dead", ["bench.0"])
        beside = [_others(made, wanted) for _ in range(rounds)]
    return _compared("one dead receiver in 100: the others'", alone, beside, "1.5")


def flood(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """Twenty quiet organizations; then one floods beside them as fast as it can."""
    quiet = tuple(f"quiet-{number}" for number in range(_QUIET))
    wanted = Load(quiet, seconds, rate=_QUIET_RATE, connections=_QUIET, group="quiet")
    with stage() as made:
        for slug in (*quiet, "flood"):
            made.organization(slug)
            made.endpoint(slug, slug.partition("-")[0])
        alone, beside = [], []
        for _ in range(rounds):
            made.reset()
            made.until_arrived(load(made, wanted)["answered"], "quiet")
            alone.append(percentiles(made.arrived("quiet")))
        for _ in range(rounds):
            made.reset()
            with loading(made, Load(("flood",), seconds + 2, connections=64, group="flood")) as flooding:
                made.until_arrived(1, "flood")
                made.until_arrived(load(made, wanted)["answered"], "quiet")
                beside.append(percentiles(made.arrived("quiet")))
                made.until_arrived(outcome(flooding)["answered"], "flood")
    return _compared("a flood beside 20 quiet organizations: the quiet ones'", alone, beside, "2, and 1,500 ms")


def _others(made: Stage, wanted: Load) -> dict[str, float]:
    made.reset()
    answered = load(made, wanted)["answered"]
    # Those of the first type are for the receiver that is dead, or not there.
    return percentiles(made.until_arrived(answered - answered // _HUNDRED - 1, "well"))


def _compared(
    what: str, alone: list[dict[str, float]], beside: list[dict[str, float]], aim: str
) -> list[tuple[str, str]]:
    before, after = (middle([each["p99"] for each in found]) for found in (alone, beside))
    return [
        (f"{what} p99, alone and beside it", f"{before:.1f} and {after:.1f} ms"),
        ("that is, times as much (aim: at most " + aim + ")", f"{after / before:.2f}"),
    ]
