"""The circuit of an endpoint."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from worksphere_hub.webhooks.breaker import (
    CLOSED,
    DISABLE_AFTER,
    DISABLE_FAILURES,
    BreakerSettings,
    allows,
    observe,
    should_disable,
    start_probe,
)

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
SETTINGS = BreakerSettings()


def later(seconds):
    return NOW + timedelta(seconds=seconds)


def opened(times=1, now=NOW, settings=SETTINGS):
    """A circuit that opened so many times in a row, the last time at `now`."""
    circuit = observe(CLOSED, [False] * settings.failures, now, settings)
    for _ in range(times - 1):
        circuit = observe(start_probe(circuit, now, settings), [False], now, settings)
    return circuit


def test_it_opens_after_as_many_failures_in_a_row_as_the_settings_say():
    nearly = observe(CLOSED, [False] * 19, NOW, SETTINGS)
    assert allows(nearly, NOW) == "all"
    assert observe(nearly, [True] + [False] * 19, NOW, SETTINGS).state == "closed"
    full = observe(nearly, [False], later(1), SETTINGS)
    assert (full.state, full.openings, full.failing_since) == ("open", 1, NOW)
    assert full.opens_until == later(31)


def test_nothing_is_sent_while_it_is_open_and_then_one_probe():
    circuit = opened()
    assert [allows(circuit, later(seconds)) for seconds in (0, 29.9, 30, 1e6)] == ["none", "none", "probe", "probe"]
    probing = start_probe(circuit, later(30), SETTINGS)
    assert [allows(probing, later(seconds)) for seconds in (30, 89)] == ["none", "none"]
    assert allows(probing, later(90)) == "probe", "the probe was lost with its worker"


def test_a_probe_that_fails_doubles_the_pause_up_to_the_longest():
    circuit = opened()
    pauses = []
    for _ in range(8):
        pauses.append((circuit.opens_until - NOW).total_seconds())
        circuit = observe(start_probe(circuit, NOW, SETTINGS), [False], NOW, SETTINGS)
    assert pauses == [30, 60, 120, 240, 480, 600, 600, 600]
    ages = replace(circuit, openings=1_000_000)
    assert observe(start_probe(ages, NOW, SETTINGS), [False], NOW, SETTINGS).opens_until == later(600)


@pytest.mark.parametrize("circuit", [CLOSED, opened(), opened(5), start_probe(opened(3), NOW, SETTINGS)])
def test_any_success_closes_it_and_forgets_everything(circuit):
    assert observe(circuit, [False, True], NOW, SETTINGS) == CLOSED
    assert observe(circuit, [True, False], NOW, SETTINGS) == replace(CLOSED, failures=1, failing_since=NOW)


def test_what_ends_late_is_counted_but_opens_nothing_again():
    circuit = opened()
    late = observe(circuit, [False] * 100, later(10), SETTINGS)
    assert late == replace(circuit, failures=120)
    assert observe(CLOSED, [False] * 120, NOW, SETTINGS) == late, "the same when they come all at once"


def test_what_began_before_the_probe_is_not_taken_for_it():
    probing = start_probe(opened(), later(30), SETTINGS)
    late = observe(probing, [False], later(31), SETTINGS, began=[later(-14)])
    assert late == replace(probing, failures=21)
    answered = observe(late, [False], later(32), SETTINGS, began=[later(30)])
    assert (answered.state, answered.openings, answered.opens_until) == ("open", 2, later(92))
    assert observe(probing, [False], later(31), SETTINGS).state == "open", "nobody said when it began"
    assert observe(probing, [True], later(31), SETTINGS, began=[later(-14)]) == CLOSED


def test_an_endpoint_is_given_up_after_days_of_nothing_but_many_failures():
    assert not should_disable(CLOSED, NOW)
    circuit = observe(CLOSED, [False] * DISABLE_FAILURES, NOW, SETTINGS)
    assert not should_disable(circuit, NOW + DISABLE_AFTER - timedelta(seconds=1))
    assert should_disable(circuit, NOW + DISABLE_AFTER)
    assert should_disable(circuit, NOW + timedelta(hours=1), timedelta(hours=1))
    assert not should_disable(replace(circuit, failures=DISABLE_FAILURES - 1), NOW + DISABLE_AFTER * 10)
    assert not should_disable(circuit, NOW - timedelta(days=30)), "a clock that went back gives nobody up"


@given(st.lists(st.booleans(), max_size=80), st.lists(st.integers(0, 80)), st.integers(1, 30))
def test_it_is_the_same_in_one_batch_or_in_many(outcomes, cuts, failures):
    settings = BreakerSettings(failures=failures)
    piecewise = CLOSED
    edges = [0, *sorted(min(cut, len(outcomes)) for cut in cuts), len(outcomes)]
    for start, end in pairwise(edges):
        piecewise = observe(piecewise, outcomes[start:end], NOW, settings)
    assert piecewise == observe(CLOSED, outcomes, NOW, settings)


class Breaking(RuleBasedStateMachine):
    """Attempts begin, end in any order and time passes; the circuit is asked before each."""

    def __init__(self):
        super().__init__()
        self.settings = BreakerSettings(failures=3, pause=10, longest_pause=35, probe_lease=20)
        self.circuit = CLOSED
        self.now = NOW
        self.running = []
        self.probes = 0
        self.row = 0

    @rule(seconds=st.floats(0.001, 8))
    def time_passes(self, seconds):
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.circuit.opens_until is not None)
    @rule()
    def the_pause_ends(self):
        self.now = max(self.now, self.circuit.opens_until)

    @rule()
    def begin(self):
        allowed = allows(self.circuit, self.now)
        if allowed == "probe":
            self.circuit = start_probe(self.circuit, self.now, self.settings)
            assert allows(self.circuit, self.now) == "none", "one probe and no second"
        if allowed != "none":
            self.running.append((self.now, allowed == "probe"))

    @precondition(lambda self: self.running)
    @rule(data=st.data(), succeeded=st.booleans())
    def end(self, data, succeeded):
        began, probe = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        before = self.circuit
        self.circuit = observe(before, [succeeded], self.now, self.settings, began=[began])
        self.row = 0 if succeeded else self.row + 1
        if succeeded:
            assert self.circuit == CLOSED
        elif before.state == "open":
            assert self.circuit.opens_until == before.opens_until
        elif before.state == "half_open" and not probe and self.circuit.state == "open":
            assert began >= before.opens_until - timedelta(seconds=self.settings.probe_lease)

    @invariant()
    def it_remembers_right(self):
        assert self.circuit.failures == self.row
        assert (self.circuit.failing_since is None) == (self.row == 0)
        assert (self.circuit.state == "closed") == (self.circuit.openings == 0) == (self.circuit.opens_until is None)
        if self.circuit.opens_until is not None:
            assert self.circuit.opens_until - self.now <= timedelta(seconds=self.settings.longest_pause)
        if self.circuit.state == "closed":
            assert self.row < self.settings.failures


TestBreaking = Breaking.TestCase
