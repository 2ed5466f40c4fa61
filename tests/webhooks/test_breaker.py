"""A receiver that fails again and again is left alone, then tried once; any success opens the gates."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.breaker import BreakerSettings, Circuit, allows, observe, should_disable

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = BreakerSettings(failures=3, pause=10, longest_pause=35)


def fail(circuit, times, now=NOW):
    return observe(circuit, [False] * times, now, SETTINGS)


def test_it_opens_after_so_many_failures_in_a_row_and_any_success_closes_it():
    assert allows(fail(Circuit(), 2), NOW) == "all"
    opened = fail(Circuit(), 3)
    assert allows(opened, NOW) == "none"
    assert allows(opened, NOW + timedelta(seconds=9.9)) == "none"
    assert allows(opened, NOW + timedelta(seconds=10)) == "probe"
    assert observe(opened, [True], NOW, SETTINGS) == Circuit()
    assert fail(observe(Circuit(), [False, False, True], NOW, SETTINGS), 2).state == "closed"


def test_each_failed_probe_doubles_the_pause_up_to_the_longest():
    circuit, now, pauses = fail(Circuit(), 3), NOW, []
    for _ in range(4):
        pauses.append((circuit.opens_until - now).total_seconds())
        now = circuit.opens_until
        circuit = fail(circuit, 1, now)
    assert pauses == [10, 20, 35, 35]
    assert circuit.openings == 5
    assert circuit.failing_since == NOW


def test_attempts_that_began_before_it_opened_do_not_open_it_further():
    opened = fail(Circuit(), 3)
    late = fail(opened, 40, NOW + timedelta(seconds=5))
    assert (late.openings, late.opens_until) == (1, opened.opens_until)
    assert late.failures == 43


def test_only_what_has_failed_long_and_often_is_disabled():
    days = timedelta(days=5)
    assert not should_disable(Circuit(), NOW, days)
    assert not should_disable(fail(Circuit(), 49), NOW + days, days)
    many = fail(Circuit(), 50)
    assert not should_disable(many, NOW + days - timedelta(seconds=1), days)
    assert should_disable(many, NOW + days, days)
    assert not should_disable(observe(many, [True], NOW + days, SETTINGS), NOW + days, days)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 60)), max_size=80),
    st.integers(1, 8),
    st.floats(0.1, 100),
    st.floats(0.1, 1000),
)
def test_whatever_happens_the_circuit_stays_coherent(history, failures, pause, longest):
    settings = BreakerSettings(failures, pause, longest)
    circuit, now, row = Circuit(), NOW, 0
    for good, step in history:
        now += timedelta(seconds=step)
        circuit = observe(circuit, [good], now, settings)
        row = 0 if good else row + 1
        assert circuit.failures == row
        assert (circuit.state == "open") == (row >= failures)
        assert (circuit.state == "open") == (circuit.opens_until is not None) == (circuit.openings > 0)
        assert (circuit.failing_since is None) == (row == 0)
        if circuit.opens_until is not None:
            assert circuit.opens_until - now <= timedelta(seconds=min(longest, max(pause, longest)))
    assert observe(circuit, [True], now, settings) == Circuit()
