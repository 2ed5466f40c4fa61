"""No endpoint takes more than its share of a worker."""

from dataclasses import dataclass
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.lanes import Lanes


@dataclass(frozen=True)
class Held:
    """As much of a claim as lanes look at."""

    endpoint: UUID
    number: int


def claims(numbers):
    return [Held(UUID(int=endpoint), number) for number, endpoint in enumerate(numbers)]


@given(st.lists(st.integers(1, 4), max_size=60), st.integers(1, 5), st.randoms(use_true_random=False))
def test_each_claim_runs_once_in_order_and_no_lane_is_wider_than_allowed(numbers, width, dice):
    lanes = Lanes(width)
    taken = claims(numbers)
    running = lanes.add(taken)
    finished = []
    while running:
        for endpoint in {claim.endpoint for claim in running}:
            assert sum(claim.endpoint == endpoint for claim in running) <= width
        done = running.pop(dice.randrange(len(running)))
        finished.append(done)
        following = lanes.finish(done.endpoint)
        if following is not None:
            running.append(following)
    assert sorted(claim.number for claim in finished) == list(range(len(taken)))
    assert lanes.size == 0
    assert lanes.busy() == []


def test_a_lane_with_its_fill_is_busy_and_the_others_are_not():
    lanes = Lanes(2)
    assert [claim.number for claim in lanes.add(claims([1, 1, 1, 2]))] == [0, 1, 3]
    assert lanes.busy() == [UUID(int=1)]
    assert lanes.finish(UUID(int=1)).number == 2
    assert not lanes.is_busy(UUID(int=1))


def test_what_never_started_can_be_given_up():
    lanes = Lanes(1)
    lanes.add(claims([1, 1, 1]))
    assert [claim.number for claim in lanes.abandon()] == [1, 2]
    assert lanes.size == 1
    assert lanes.finish(UUID(int=1)) is None
    assert lanes.size == 0
