"""A connector's request as the proxy takes it, and the hub's failures as connectors know them."""

from uuid import UUID

import pytest

from worksphere_hub.connections.account_api import failure_of, wanted
from worksphere_hub.connections.call_log import Call
from worksphere_hub.connections.errors import (
    BudgetSpent,
    ConnectionDisabled,
    HostNotAllowed,
    NeedsReauthorization,
    NotConnected,
    NotSent,
    ProviderUnavailable,
    RenewalBusy,
)
from worksphere_hub.sdk import errors as sdk
from worksphere_hub.sdk.api import Request

ORG, CONNECTION = UUID(int=1), UUID(int=2)


def asked(*given, **more):
    return wanted(Call(ORG, CONNECTION, "GET", "key:x", "r1"), Request(*given, **more))


def test_a_path_is_below_the_base_and_keeps_its_encoding():
    made = asked("GET", "/things/a%2Fb", query={"q": "a b&c", "many": ["x", "y"], "n": 3})
    assert (made.path, made.query, made.url) == ("/things/a%2Fb", "q=a%20b%26c&many=x&many=y&n=3", None)
    assert (made.org, made.connection, made.slot, made.idempotent, made.body) == (ORG, CONNECTION, "main", None, None)


def test_a_query_in_the_path_stays_before_what_is_added():
    assert asked("GET", "/things?a=1", query={"b": 2}).query == "a=1&b=2"


@pytest.mark.parametrize(
    ("path", "query", "url"),
    [
        ("https://api.example.com/next?page=2", {}, "https://api.example.com/next?page=2"),
        ("https://api.example.com/next?page=2", {"a": 1}, "https://api.example.com/next?page=2&a=1"),
        ("https://api.example.com/next", {}, "https://api.example.com/next"),
    ],
)
def test_a_whole_url_is_one(path, query, url):
    assert asked("GET", path, query=query).url == url


def test_a_url_in_a_query_makes_no_whole_one():
    assert asked("GET", "/redirect?to=https://evil.example/").url is None


def test_bodies_say_what_they_are_unless_the_connector_does():
    assert asked("POST", "/x", json={"a": "é"}).body == '{"a":"é"}'.encode()
    assert asked("POST", "/x", json=[]).headers == [("content-type", "application/json")]
    form = asked("POST", "/x", form={"a b": "c&d"})
    assert (form.body, form.headers) == (b"a+b=c%26d", [("content-type", "application/x-www-form-urlencoded")])
    own = asked("POST", "/x", headers={"Content-Type": "application/json; charset=utf-8"}, json={})
    assert own.headers == [("content-type", "application/json; charset=utf-8")]
    assert asked("PUT", "/x", body=b"raw", idempotent=True).idempotent is True


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotConnected(), sdk.AuthFailed), (NeedsReauthorization(), sdk.AuthFailed),
        (ConnectionDisabled(), sdk.AuthFailed), (BudgetSpent("", retry_after=9.0), sdk.RateLimited),
        (ProviderUnavailable(), sdk.Transient), (RenewalBusy(), sdk.Transient), (HostNotAllowed(), sdk.BadSettings),
    ],
)  # fmt: skip
def test_a_failure_is_whose_it_is(error, kind):
    assert type(failure_of(error)) is kind


def test_what_was_not_sent_and_how_long_to_wait_are_known():
    unsent, unknown = failure_of(NotSent()), failure_of(ProviderUnavailable(retry_after=5.0))
    assert isinstance(unsent, sdk.Transient)
    assert isinstance(unknown, sdk.Transient)
    assert (unsent.sent, unknown.sent, unknown.after) == (False, True, 5.0)
    assert failure_of(BudgetSpent("", retry_after=9.0)).after == 9.0
