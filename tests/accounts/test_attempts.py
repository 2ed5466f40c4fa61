"""How many wrong passwords are put up with."""

import pytest

from worksphere_hub.accounts import attempts
from worksphere_hub.accounts.attempts import Attempts
from worksphere_hub.accounts.errors import TooManyAttempts
from worksphere_hub.accounts.settings import AccountSettings


def counted(**limits: int) -> Attempts:
    return Attempts(AccountSettings(**({"attempts_per_email": 2, "attempts_per_address": 4} | limits)))


def passes(attempts: Attempts, email: str, address: str | None, now: float) -> bool:
    try:
        attempts.begin(email, address, now)
    except TooManyAttempts:
        return False
    return True


def test_one_more_is_allowed_a_minute():
    tried = counted(attempts_per_email=1)
    tried.begin("a", None, 0)
    with pytest.raises(TooManyAttempts) as refused:
        tried.begin("a", None, 15)
    assert refused.value.retry_after == pytest.approx(45)
    tried = counted()
    assert [passes(tried, "a", "10.0.0.1", now) for now in (0, 0, 0, 61, 61)] == [True, True, False, True, False]


def test_other_addresses_do_not_help_and_other_people_count_for_the_address():
    tried = counted()
    assert [passes(tried, "a", f"10.0.0.{number}", 0) for number in range(3)] == [True, True, False]
    tried = counted()
    assert [passes(tried, f"p{number}", "10.0.0.1", 0) for number in range(5)] == [True] * 4 + [False]


def test_a_network_of_ipv6_addresses_counts_as_one():
    tried = counted(attempts_per_address=2)
    same = ["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8::3"]
    assert [passes(tried, str(number), address, 0) for number, address in enumerate(same)] == [True, True, False]
    assert passes(tried, "x", "2001:db8:0:1::1", 0)


def test_a_right_password_gives_its_attempt_back_and_no_more():
    tried = counted()
    for _ in range(10):
        tried.begin("a", None, 0)
        tried.succeeded("a", None)
    tried.succeeded("a", None)
    assert [passes(tried, "a", None, 0) for _ in range(3)] == [True, True, False]


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(attempts, "_REMEMBERED", 3)
    tried = counted()
    for number in range(10):
        tried.begin(f"p{number}", f"10.0.0.{number}", 0)
    assert len(tried._emails._buckets) == len(tried._addresses._buckets) == 3


@pytest.mark.parametrize("address", [None, "10.0.0.1", "::1"])
def test_what_was_never_counted_is_not_given_back(address):
    counted().succeeded("nobody", address)
