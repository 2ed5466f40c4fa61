"""No endpoint takes more than its share of a worker."""

from dataclasses import dataclass
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.webhooks.hand import Hand

ORG = UUID(int=7)


@dataclass(frozen=True)
class Held:
    """As much of a claim as a hand looks at."""

    endpoint: UUID
    number: int
    org: UUID = ORG


def jobs(numbers):
    return [[Held(UUID(int=endpoint), number)] for number, endpoint in enumerate(numbers)]


@given(st.lists(st.integers(1, 4), max_size=60), st.integers(1, 5), st.randoms(use_true_random=False))
def test_each_job_runs_once_and_no_endpoint_gets_more_than_it_may(numbers, width, dice):
    hand = Hand(width, 1000)
    taken = jobs(numbers)
    running = hand.add(taken)
    finished = []
    while running:
        for endpoint in {job[0].endpoint for job in running}:
            assert sum(job[0].endpoint == endpoint for job in running) <= width
        done = running.pop(dice.randrange(len(running)))
        finished.append(done)
        following = hand.finish(done)
        if following is not None:
            running.append(following)
    assert sorted(job[0].number for job in finished) == list(range(len(taken)))
    assert hand.size == 0
    assert hand.busy() == []
    assert hand.busy_orgs() == []


def test_an_endpoint_with_its_fill_is_busy_and_the_others_are_not():
    hand = Hand(2, 1000)
    taken = jobs([1, 1, 1, 2])
    assert hand.add(taken) == [taken[0], taken[1], taken[3]]
    assert hand.busy() == [UUID(int=1)]
    assert hand.is_busy(taken[0][0])
    assert not hand.is_busy(taken[3][0])
    assert hand.finish(taken[0]) == taken[2]
    assert not hand.is_busy(taken[0][0])


def test_an_organization_that_fills_its_share_of_the_hand_is_busy_whatever_its_endpoints():
    hand = Hand(10, 3)
    one, other = UUID(int=1), UUID(int=2)
    taken = [[Held(UUID(int=number), number, one)] for number in range(3)] + [[Held(UUID(int=9), 9, other)]]
    hand.add(taken)
    assert hand.busy() == []
    assert hand.busy_orgs() == [one]
    assert hand.is_busy(taken[0][0])
    assert not hand.is_busy(taken[3][0])
    hand.finish(taken[0])
    assert hand.busy_orgs() == []


def test_a_batch_is_one_request_and_counts_for_all_it_carries():
    hand = Hand(1, 1000)
    batch = [Held(UUID(int=1), number) for number in range(5)]
    assert hand.add([batch]) == [batch]
    assert hand.size == 5
    assert hand.finish(batch) is None
    assert hand.size == 0


def test_what_never_started_can_be_given_up():
    hand = Hand(1, 1000)
    taken = jobs([1, 1, 1])
    hand.add(taken)
    assert [claim.number for claim in hand.abandon()] == [1, 2]
    assert hand.size == 1
    assert hand.finish(taken[0]) is None
    assert hand.size == 0
