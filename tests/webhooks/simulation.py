"""The delivery engine in virtual time: the real decisions, receivers that misbehave by a seed, invariants that hold.

Everything that is checked is reckoned here once more from what happened, and not asked of the modules under test. The
clock counts microseconds, which is what the moments of the modules are in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random

from tests.webhooks.bucket import Bucket, take, until_next
from tests.webhooks.simulated_receivers import TIMEOUT, Answer, draw
from worksphere_hub.webhooks.breaker import (
    CLOSED,
    DISABLE_FAILURES,
    BreakerSettings,
    allows,
    observe,
    should_disable,
    start_probe,
)
from worksphere_hub.webhooks.retry import (
    DEFAULT_POLICY,
    LAST_TRY_GRACE,
    SHORTEST_WAIT,
    Asked,
    Decision,
    ExponentialRetry,
    RetryPolicy,
    ScheduleRetry,
    admit,
    decide,
    parse_retry_after,
)

SECOND = 1_000_000
START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
WORKER_LEASE = 15 * SECOND

# What a run of many seeds must have come across, or it was too tame to show anything.
SOMETIMES = frozenset(
    {
        "delivered at once", "delivered after failures", "attempts used up", "deadline reached", "last try at deadline",
        "kept back until the deadline", "too late after a lost worker", "Retry-After longer than the schedule",
        "Retry-After cut by the deadline", "slowed down", "last try while slowed down", "kept back by the rate",
        "opened", "opened again", "longest pause", "kept back by the circuit", "kept back by the probe",
        "probe succeeded", "probe failed", "probe lost", "late failure while open", "late failure while half open",
        "late success while open", "gone", "held with its endpoint", "given up", "drained after recovery",
    }
)  # fmt: skip


@dataclass(slots=True, eq=False)
class Delivery:
    """A delivery; moments in microseconds. `not_before` is what Retry-After said, `due` what the policy decided."""

    policy: RetryPolicy
    accepted: int
    due: int
    not_before: int = 0
    step: int = 0
    began: int = -1
    ended: int | None = None
    state: str = "pending"
    reason: str | None = None

    def attempts(self) -> int:
        """How many the policy allows."""
        return len(self.policy.waits) + 1 if isinstance(self.policy, ScheduleRetry) else self.policy.attempts

    def planned(self) -> float:
        """The policy's wait in seconds after the last attempt, without jitter."""
        if isinstance(self.policy, ScheduleRetry):
            return self.policy.waits[self.step - 1]
        return min(self.policy.first * self.policy.factor ** (self.step - 1), self.policy.longest)

    def deadline(self) -> float:
        """The moment of its deadline."""
        return math.inf if self.policy.deadline is None else self.accepted + self.policy.deadline * SECOND


class Simulation:
    """One endpoint, its deliveries, and workers that never sleep but now and then die."""

    def __init__(self, seed: int) -> None:
        self.dice = dice = Random(seed)
        self.receiver = draw(dice)
        self.settings = BreakerSettings(
            failures=dice.choice((3, 5, 20)),
            pause=dice.choice((5.0, 30.0)),
            longest_pause=dice.choice((60.0, 600.0)),
            probe_lease=dice.choice((20.0, 60.0)),
        )
        self.rate, self.burst = dice.choice((0.1, 0.5, 1.0, 5.0, 50.0)), dice.choice((1.0, 3.0, 10.0))
        self.disable_after = timedelta(seconds=10 ** dice.uniform(3, 5))
        self.now = 0
        self.agenda: list[tuple[int, int, Callable[..., None], tuple[object, ...]]] = []
        self.planned = 0
        self.seen: set[str] = set()
        self.circuit, self.bucket = CLOSED, Bucket(self.burst, START)
        self.slow_until, self.disabled = 0, False
        # The same once more, for the invariants.
        self.row, self.row_since, self.openings, self.quiet_until, self.quiet_by_word = 0, 0, 0, 0, 0
        self.probe_until: int | None = None
        self.sent, self.lowest = 0, math.inf
        policies = [draw_policy(dice) for _ in range(2)]
        spread = dice.choice((0, 60, 3_600)) * SECOND
        self.deliveries: list[Delivery] = []
        for _ in range(dice.choice((1, 6, 20, 40))):
            accepted = dice.randint(0, spread)
            self.deliveries.append(Delivery(dice.choice(policies), accepted, accepted))

    def run(self) -> set[str]:
        """Until nothing is left to do; answers what it came across."""
        for delivery in self.deliveries:
            self.at(delivery.due, self.consider, delivery)
        while self.agenda:
            self.now, _, act, about = heappop(self.agenda)
            act(*about)
        for delivery in self.deliveries:
            self.check_end(delivery)
        return self.seen

    def at(self, moment: int, act: Callable[..., None], *about: object) -> None:
        """Plan something; what is planned for the same moment happens in that order."""
        self.planned += 1
        assert self.planned < 50_000, "it never ends"
        heappush(self.agenda, (moment, self.planned, act, about))

    def moment(self, at: int | None = None) -> datetime:
        """The clock as the modules read it."""
        return START + timedelta(microseconds=self.now if at is None else at)

    def age(self, delivery: Delivery) -> float:
        return (self.now - delivery.accepted) / SECOND

    # What a worker does.

    def consider(self, delivery: Delivery) -> None:
        """A delivery is due: send it, put it off or end it."""
        if self.disabled:
            self.seen.add("held with its endpoint")
            self.end(delivery, Decision("held"))
            return
        wait, why = self.kept_back(delivery)
        decision = admit(delivery.policy, age=self.age(delivery), wait=wait)
        if decision is None:
            self.begin(delivery)
            return
        if why:
            self.seen.add(why)
        if decision.next == "pending":
            self.at(self.now + math.ceil(decision.delay * SECOND), self.consider, delivery)
            return
        late = self.age(delivery) > (delivery.policy.deadline or math.inf) + LAST_TRY_GRACE
        assert late or wait > 0
        self.seen.add("too late after a lost worker" if late else "kept back until the deadline")
        self.end(delivery, decision)

    def kept_back(self, delivery: Delivery) -> tuple[float, str]:
        """For how many seconds the endpoint takes no more, and why. A last try is not put off by slowing down."""
        last = self.now >= delivery.deadline() - SHORTEST_WAIT * SECOND
        if self.now < self.slow_until and not last:
            return (self.slow_until - self.now) / SECOND, "slowed down"
        if allows(self.circuit, self.moment()) == "none":
            assert self.circuit.opens_until is not None
            why = "kept back by the circuit" if self.circuit.state == "open" else "kept back by the probe"
            return (self.circuit.opens_until - self.moment()).total_seconds(), why
        return until_next(self.bucket, self.rate, self.moment()), "kept back by the rate"

    def begin(self, delivery: Delivery) -> None:
        """Send it. Now and then the worker dies with it, and nobody hears of the attempt."""
        granted, self.bucket = take(self.bucket, self.rate, self.burst, 1, self.moment())
        assert granted == 1
        probe = allows(self.circuit, self.moment()) == "probe"
        self.check_begin(delivery, probe=probe)
        if probe:
            self.circuit = start_probe(self.circuit, self.moment(), self.settings)
            self.probe_until = self.now + round(self.settings.probe_lease * SECOND)
        delivery.began = self.now
        answer = self.receiver.answer(self.dice, self.now / SECOND)
        if self.dice.random() < 0.01 and self.now / SECOND < self.receiver.recovers:
            if probe:
                self.seen.add("probe lost")
            self.at(self.now + WORKER_LEASE, self.consider, delivery)
        else:
            self.at(self.now + round(answer.seconds * SECOND), self.answered, delivery, answer, probe)

    def answered(self, delivery: Delivery, answer: Answer, probe: bool) -> None:
        """An attempt is over."""
        self.learn(answer.status is not None and 200 <= answer.status < 300, delivery.began, probe=probe)
        delivery.step += 1
        retry_after = parse_retry_after(answer.retry_after, self.moment())
        decision = decide(
            delivery.policy,
            status=answer.status,
            step=delivery.step,
            age=self.age(delivery),
            asked=Asked(retry_after),
            dice=self.dice.random(),
        )
        self.slow_until = max(self.slow_until, self.now + math.ceil(decision.slow_down * SECOND))
        if answer.status in {429, 502, 503, 504}:
            self.quiet_by_word = max(self.quiet_by_word, self.now + math.floor((retry_after or 1) * SECOND))
        if decision.disable:
            self.disabled = True
            self.seen.add("gone")
        if decision.next == "pending":
            self.put_off(delivery, decision.delay, retry_after)
        else:
            self.end(delivery, decision)

    def put_off(self, delivery: Delivery, delay: float, retry_after: float | None) -> None:
        """Plan the next attempt."""
        delivery.due = self.now + math.ceil(delay * SECOND)
        assert self.now + delivery.planned() * SECOND <= delivery.due + 1 or delivery.due >= delivery.deadline() - 1
        delivery.not_before = self.now + math.floor((retry_after or 0) * SECOND)
        if delivery.due < delivery.not_before:
            self.seen.add("Retry-After cut by the deadline")
        elif retry_after is not None and delay == retry_after:
            self.seen.add("Retry-After longer than the schedule")
        self.at(delivery.due, self.consider, delivery)

    def learn(self, succeeded: bool, began: int, *, probe: bool) -> None:
        """Tell the circuit, and give the endpoint up when it is time."""
        before = self.circuit
        self.circuit = observe(before, [succeeded], self.moment(), self.settings, began=[self.moment(began)])
        self.check_circuit(before.state, succeeded, probe=probe)
        if should_disable(self.circuit, self.moment(), self.disable_after):
            assert self.row >= DISABLE_FAILURES
            assert self.moment() - self.moment(self.row_since) >= self.disable_after
            self.disabled = True
            self.seen.add("given up")

    def end(self, delivery: Delivery, decision: Decision) -> None:
        delivery.state, delivery.reason, delivery.ended = decision.next, decision.reason, self.now

    # What must hold.

    def check_begin(self, delivery: Delivery, *, probe: bool) -> None:
        """Not before it is due, by Retry-After, the rate or the circuit, and not after its deadline."""
        assert delivery.state == "pending"
        assert self.now >= delivery.due
        assert delivery.step < delivery.attempts()
        at_deadline = self.now >= delivery.deadline() - SHORTEST_WAIT * SECOND
        assert self.now <= delivery.deadline() + LAST_TRY_GRACE * SECOND
        assert self.now >= delivery.not_before or at_deadline
        assert self.now >= self.quiet_by_word or at_deadline
        if at_deadline:
            self.seen.add("last try at deadline")
            if self.now < self.slow_until:
                self.seen.add("last try while slowed down")
        assert probe == (self.openings > 0), "only a circuit that is not closed is probed"
        assert self.now >= self.quiet_until
        assert self.probe_until is None or self.now >= self.probe_until, "a second probe"
        earned = self.rate * self.now / SECOND
        self.lowest = min(self.lowest, self.sent - earned)
        self.sent += 1
        assert self.sent - earned - self.lowest <= self.burst + 1e-6, "above the rate"

    def check_circuit(self, before: str, succeeded: bool, *, probe: bool) -> None:
        """It opens and closes when it should, by this reckoning."""
        if succeeded:
            self.row, self.openings, self.quiet_until, self.probe_until = 0, 0, 0, None
            if before != "closed":
                self.seen.add("probe succeeded" if probe else f"late success while {before.replace('_', ' ')}")
            assert self.circuit == CLOSED
            return
        self.row += 1
        if self.row == 1:
            self.row_since = self.now
        ours = probe and before == "half_open"
        if ours or (before == "closed" and self.row >= self.settings.failures):
            pause = min(self.settings.pause * 2**self.openings, self.settings.longest_pause)
            self.openings += 1
            self.quiet_until, self.probe_until = self.now + round(pause * SECOND), None
            assert self.circuit.state == "open"
            assert self.circuit.opens_until == self.moment(self.quiet_until)
            self.seen.add("opened" if self.openings == 1 else "opened again")
            if ours:
                self.seen.add("probe failed")
            if pause == self.settings.longest_pause:
                self.seen.add("longest pause")
        else:
            assert self.circuit.state == before
            if before != "closed":
                self.seen.add(f"late failure while {before.replace('_', ' ')}")

    def check_end(self, delivery: Delivery) -> None:
        """It ended, by its deadline or after exactly its attempts, and was delivered if its endpoint came back."""
        assert delivery.ended is not None
        assert delivery.ended <= delivery.deadline() + (LAST_TRY_GRACE + TIMEOUT + WORKER_LEASE / SECOND) * SECOND
        recovered = self.receiver.recovers * SECOND
        if delivery.state == "delivered":
            self.seen.add("delivered at once" if delivery.step == 1 else "delivered after failures")
            if delivery.ended > recovered > 0:
                self.seen.add("drained after recovery")
                # Until each gate in turn has opened, and everything has gone through the last of them.
                gates = 2 * self.settings.longest_pause + self.settings.probe_lease + 4 * TIMEOUT
                patience = gates + (len(self.deliveries) + 1) / self.rate
                assert delivery.ended <= max(delivery.due, recovered, self.slow_until) + patience * SECOND
        elif delivery.reason == "attempts":
            self.seen.add("attempts used up")
            assert delivery.step == delivery.attempts()
            assert delivery.began < recovered, "it was there again, and yet not delivered to"
        elif delivery.reason == "deadline":
            self.seen.add("deadline reached")
            assert delivery.step <= delivery.attempts()
            assert delivery.ended >= delivery.deadline() - SHORTEST_WAIT * SECOND
        else:
            assert delivery.state == "held"
            assert self.disabled


def draw_policy(dice: Random) -> RetryPolicy:
    """A policy at random, within the limits and mostly short."""
    deadline = None if dice.random() < 0.5 else 10 ** dice.uniform(0, 4.5)
    jitter = dice.choice((0.0, 0.2, 1.0))
    kind = dice.random()
    if kind < 0.1:
        return DEFAULT_POLICY
    if kind < 0.6:
        waits = tuple(10 ** dice.uniform(-1, 3.5) for _ in range(dice.randint(0, 8)))
        return ScheduleRetry(waits, deadline=deadline, jitter=jitter)
    return ExponentialRetry(
        first=10 ** dice.uniform(-1, 2),
        factor=dice.choice((1.0, 1.5, 2.0, 10.0)),
        longest=10 ** dice.uniform(2, 4),
        attempts=dice.randint(1, 15),
        deadline=deadline,
        jitter=jitter,
    )
