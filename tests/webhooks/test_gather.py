"""Batches leave full or in time, in order, and nothing is lost or doubled."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from worksphere_hub.webhooks.gather import Gatherer

ONE, TWO = UUID(int=1), UUID(int=2)


def test_a_full_batch_leaves_at_once():
    gatherer = Gatherer(3, 1.0)
    assert [gatherer.add(ONE, number, 0.0) for number in range(7)] == [
        None,
        None,
        [0, 1, 2],
        None,
        None,
        [3, 4, 5],
        None,
    ]
    assert len(gatherer) == 1


def test_what_has_waited_long_enough_leaves_with_what_came_after_it():
    gatherer = Gatherer(10, 1.0)
    gatherer.add(TWO, "a", 0.0)
    gatherer.add(ONE, "b", 0.4)
    gatherer.add(TWO, "c", 0.9)
    assert gatherer.next_due() == 1.0
    assert gatherer.due(0.99) == []
    assert gatherer.due(1.0) == [(TWO, ["a", "c"])]
    assert gatherer.next_due() == 1.4
    assert gatherer.due(5.0) == [(ONE, ["b"])]
    assert gatherer.next_due() is None


def test_a_size_of_one_and_a_wait_of_nothing_keep_nobody_waiting():
    assert Gatherer(1, 9.0).add(ONE, "a", 0.0) == ["a"]
    gatherer = Gatherer(5, 0.0)
    assert gatherer.add(ONE, "a", 3.0) is None
    assert gatherer.due(3.0) == [(ONE, ["a"])]


def test_an_endpoints_own_size_and_wait_hold_at_once():
    gatherer = Gatherer(100, 60.0)
    for number in range(3):
        assert gatherer.add(ONE, number, 0.0) is None
    assert gatherer.add(ONE, 3, 1.0, wait=0.5) is None
    assert gatherer.next_due() == 1.5
    assert gatherer.add(ONE, 4, 1.2, size=2) == [0, 1, 2, 3, 4]
    assert gatherer.add(ONE, 5, 2.0, wait=10.0) is None
    assert gatherer.next_due() == 12.0


def test_the_longest_due_leaves_first_whoever_came_first():
    gatherer = Gatherer(100, 5.0)
    gatherer.add(ONE, "a", 0.0)
    gatherer.add(TWO, "b", 1.0, wait=2.0)
    assert gatherer.flush() == [(TWO, ["b"]), (ONE, ["a"])]


class Gathering(RuleBasedStateMachine):
    """Items of several endpoints come while time passes; a model keeps what must still be waiting."""

    @initialize(size=st.integers(1, 5), wait=st.sampled_from([0.0, 0.5, 2.0]))
    def start(self, size, wait):
        self.size, self.wait, self.now, self.number = size, wait, 0.0, 0
        self.gatherer = Gatherer(size, wait)
        self.waiting = {}

    @rule(endpoint=st.sampled_from([ONE, TWO, UUID(int=3)]))
    def add(self, endpoint):
        self.number += 1
        waiting = self.waiting.setdefault(endpoint, [])
        waiting.append((self.number, self.now))
        full = self.gatherer.add(endpoint, self.number, self.now)
        if len(waiting) < self.size:
            assert full is None
        else:
            self.left(endpoint, full)

    @rule(seconds=st.floats(0, 3))
    def time_passes(self, seconds):
        self.now += seconds

    @precondition(lambda self: self.waiting)
    @rule()
    def the_next_is_due(self):
        before = len(self.waiting)
        self.now = max(self.now, self.gatherer.next_due())
        self.take()
        assert len(self.waiting) < before

    @rule()
    def take(self):
        batches = self.gatherer.due(self.now)
        firsts = [self.waiting[endpoint][0][1] for endpoint, _ in batches]
        assert firsts == sorted(firsts)
        for endpoint, items in batches:
            assert self.waiting[endpoint][0][1] + self.wait <= self.now
            self.left(endpoint, items)
        assert not [items for items in self.waiting.values() if items[0][1] + self.wait <= self.now]

    @rule()
    def flush(self):
        for endpoint, items in self.gatherer.flush():
            self.left(endpoint, items)
        assert not self.waiting

    def left(self, endpoint, items):
        """A batch is exactly what waited, in order, and no larger than allowed."""
        assert items == [number for number, _ in self.waiting.pop(endpoint)]
        assert 1 <= len(items) <= self.size

    @invariant()
    def nothing_is_lost(self):
        assert len(self.gatherer) == sum(len(items) for items in self.waiting.values())
        dues = [items[0][1] + self.wait for items in self.waiting.values()]
        assert self.gatherer.next_due() == min(dues, default=None)


TestGathering = Gathering.TestCase
