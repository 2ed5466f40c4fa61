"""Thousands of schedules in virtual time: what must always hold does, and what is rare was seen."""

from collections import Counter

import pytest

from tests.webhooks.simulation import SOMETIMES, Simulation

SEEDS = 2_000


@pytest.fixture(scope="module")
def seen():
    """How many of the runs came across what. A failure says which seed to run again."""
    counted = Counter()
    for seed in range(SEEDS):
        try:
            counted.update(Simulation(seed).run())
        except AssertionError as error:
            raise AssertionError(f"Simulation({seed}).run(): {error}") from error
    return counted


def test_what_must_hold_held_and_the_runs_were_not_too_tame(seen):
    rare = {what: seen[what] for what in SOMETIMES if seen[what] < 5}
    assert not rare, f"seen in fewer than 5 of {SEEDS} runs"


def test_a_seed_is_the_same_each_time():
    one, other = Simulation(7), Simulation(7)
    assert one.run() == other.run()
    assert [(each.state, each.ended) for each in one.deliveries] == [
        (each.state, each.ended) for each in other.deliveries
    ]
