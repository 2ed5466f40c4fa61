"""What goes on, what comes back, and what is tried again."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.connections import proxy_rules as rules
from worksphere_hub.sdk.manifest.api import Api, Hint, RateRule, Retry

API = Api(base_url="https://api.example.com")
KEYED = Api(base_url="https://api.example.com", idempotency_header="X-Once")


def test_the_callers_own_stays_here():
    sent = [
        ("authorization", "Bearer hub"), ("cookie", "a"), ("host", "hub"), ("hub-slot", "x"), ("x-forwarded-for", "1"),
        ("content-length", "7"), ("transfer-encoding", "chunked"), ("x-key", "theirs"), ("accept", "a"),
        ("accept", "b"), ("idempotency-key", "k"),
    ]  # fmt: skip
    assert rules.forwarded(sent, frozenset({"x-key"}), API) == {"accept": "a, b"}
    assert rules.forwarded(sent, frozenset({"x-key"}), KEYED)["x-once"] == "k"


def test_what_may_be_repeated():
    assert rules.may_repeat("GET", {}, API)
    assert rules.may_repeat("DELETE", {}, API)
    assert not rules.may_repeat("POST", {}, API)
    assert not rules.may_repeat("POST", {"x-once": "k"}, API)
    assert rules.may_repeat("POST", {"x-once": "k"}, KEYED)
    assert not rules.may_repeat("PATCH", {}, KEYED)


def test_a_credentials_parameters_are_not_the_callers_to_set():
    assert rules.without("a=1&key=x&b=2&key=y", frozenset({"key"})) == "a=1&b=2"
    assert rules.without("a=1&key=x", frozenset()) == "a=1&key=x"


def test_refusals_for_their_rate():
    retry = Retry(rate_limited="error.reason = 'userRateLimitExceeded'")
    assert rules.is_rate_limited(retry, rules.Heard(429, {}, b""))
    assert rules.is_rate_limited(retry, rules.Heard(403, {}, b'{"error":{"reason":"userRateLimitExceeded"}}'))
    assert not rules.is_rate_limited(retry, rules.Heard(403, {}, b'{"error":{"reason":"forbidden"}}'))
    assert not rules.is_rate_limited(Retry(), rules.Heard(403, {}, b"x"))


@given(st.integers(1, 1_000), st.floats(0, 1))
def test_backing_off_has_an_end(tries, chance):
    assert 0 < rules.backoff(tries, chance) <= 8


def test_budgets_are_found_by_method_and_path():
    rule = RateRule(name="a", limit=1, per_seconds=1, match=["GET /v2/users/*", "* /v2/all"])
    other = RateRule(name="b", limit=1, per_seconds=1)
    assert rules.matching([rule, other], "GET", "/v2/users/7") == [rule, other]
    assert rules.matching([rule, other], "PUT", "/v2/all") == [rule, other]
    for method, path in (("POST", "/v2/users/7"), ("GET", "/v2/users/7/x"), ("GET", "/v2/users.7"), ("GET", "/")):
        assert rules.matching([rule, other], method, path) == [other]


def test_whose_budget_it_is():
    rule = RateRule(name="a", limit=1, per_seconds=1)
    here = (UUID(int=1), "slack")

    def key(integration=here, used=rule, **who):
        return rules.budget_key(used, integration, {"account": None, "client": None, "connection": "c", **who})

    assert key(account="A", connection="1") == key(account="A", connection="2")
    others = [
        key(account="A"), key(account="B"), key(connection="1"), key(connection="A"), key((UUID(int=2), "slack")),
        key((UUID(int=1), "zoom")), key(used=rule.model_copy(update={"name": "b"})),
        key(used=rule.model_copy(update={"scope": "client"}), client="A"),
    ]  # fmt: skip
    assert len(set(others)) == len(others)


def test_what_is_left():
    rule = RateRule(name="a", limit=1, per_seconds=1, remaining_header="X-Left", reset=Hint(header="X-Reset"))
    assert rules.remaining(rule, {"x-left": "12"}, 0.0) == (12.0, None)
    assert rules.remaining(rule, {"x-left": "0", "x-reset": "30"}, 0.0) == (0.0, 30.0)
    for odd in ("", "-1", "many", "1e9", "1" * 40):
        assert rules.remaining(rule, {"x-left": odd}, 0.0) == (None, None)
