"""Codes and tokens by themselves: what holds whatever is done in whatever order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.control import pkce
from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.identity import Identities
from worksphere_hub.sandbox.tokens import Ask, Refusal, Rotation, TokenBook, verifies

FAMILY = Rotation(rotates=True, ends_old=True, reuse_ends_family=True)


@pytest.fixture
def clock():
    return SandboxClock()


@pytest.fixture
def book(clock):
    return TokenBook(clock, Identities())


def reason(call, *arguments):
    with pytest.raises(Refusal) as refused:
        call(*arguments)
    return refused.value.reason


def test_a_code_is_good_once_for_its_client_its_address_and_its_verifier(book, clock):
    verifier, challenge = pkce()
    code = book.code(Ask("app", "https://a.example/cb", ("x",), challenge=challenge), "ada", 60).value
    assert reason(book.redeem, "other", code, "https://a.example/cb", verifier) == "unknown_code"
    assert reason(book.redeem, "app", code, "https://a.example/cb/", verifier) == "wrong_redirect"
    assert reason(book.redeem, "app", code, "https://a.example/cb", None) == "wrong_verifier"
    grant = book.redeem("app", code, "https://a.example/cb", verifier).grant
    token = book.issue("access", grant, "t", 60)
    assert book.check("t") is token
    assert reason(book.redeem, "app", code, "https://a.example/cb", verifier) == "used_code"
    assert reason(book.check, "t") == "revoked_token"
    late = book.code(Ask("app", "https://a.example/cb", ()), "ada", 60).value
    clock.advance(60)
    assert reason(book.redeem, "app", late, "https://a.example/cb", None) == "expired_code"


def test_a_verifier_where_none_was_announced_is_wrong():
    assert verifies(None, None)
    assert not verifies(None, "verifier")
    assert not verifies(pkce()[1], None)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_of_a_family_the_newest_refresh_token_alone_is_good_and_reuse_ends_it(uses):
    book = TokenBook(SandboxClock(), Identities())
    grant = book.grant("app", "ada", ())
    names, ended = ["r0"], False
    book.issue("refresh", grant, "r0", None)
    for use in uses:
        name = names[min(use, len(names) - 1)]
        if name == names[-1] and not ended:
            book.spend("app", name, FAMILY)
            names.append(f"r{len(names)}")
            book.issue("refresh", grant, names[-1], None)
        else:
            assert reason(book.spend, "app", name, FAMILY) in {"reused_token", "revoked_token"}
            ended = ended or name != names[-1]
    assert grant.revoked is ended


def test_what_does_not_rotate_may_be_used_again(book):
    grant = book.grant("app", "ada", ())
    book.issue("refresh", grant, "r", None)
    for rotation in (Rotation(), Rotation(rotates=True, ends_old=False)):
        assert book.spend("app", "r", rotation) is book.spend("app", "r", rotation)
    assert reason(book.spend, "other", "r", Rotation()) == "unknown_token"
    assert reason(book.check, "r") == "unknown_token"


def test_tokens_end_by_time_and_by_order(book, clock):
    grant = book.grant("app", "ada", ())
    book.issue("access", grant, "short", 10)
    book.issue("access", grant, "long", None)
    clock.advance(10)
    assert reason(book.check, "short") == "expired_token"
    assert book.check("long")
    assert book.end_tokens("revoke", "access", "ada") == 2
    assert reason(book.check, "long") == "revoked_token"
    assert book.end_tokens("expire", "access", "nobody") == 0
