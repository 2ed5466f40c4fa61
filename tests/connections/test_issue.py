"""From what a provider gave to what is stored."""

from datetime import UTC, datetime, timedelta

from tests.connections.manifests import custom, method, oauth, slack
from worksphere_hub.connections import issue
from worksphere_hub.connections.models import ENTERED, Held
from worksphere_hub.connections.token_answer import Grant, Tokens

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_slots_and_times():
    way = slack(lifetimes={"refresh_idle_seconds": 1_000_000, "refresh_seconds": 2_000_000})
    grant = Grant({"main": Tokens("b", "rb", 100.0, None), "user": Tokens("u", None, None, None)}, {"team": "T"})
    main, user = issue.from_grant(way, grant, NOW, 86_400, 0.5)
    assert (main.slot, main.renewal, main.expires_at) == ("main", "refresh", NOW + timedelta(seconds=100))
    assert main.content == {"access_token": "b", "refresh_token": "rb", "captured": {"team": "T"}}
    assert main.due_at == NOW + timedelta(seconds=80)
    assert (main.idle_seconds, main.grant_expires_at) == (1_000_000, NOW + timedelta(seconds=2_000_000))
    assert (user.slot, user.renewal, user.due_at, user.idle_seconds) == ("user", None, None, None)


def test_what_a_renewal_does_not_say_stays():
    held = Held("main", b"", 1, "refresh", NOW, NOW, None, None, None, 0, None, 0, None)
    before = {"access_token": "a", "refresh_token": "old", "captured": {"url": "x", "team": "T"}}
    grant = Grant({"main": Tokens("new", None, None, None)}, {"team": "T2"})
    fresh = issue.renewed(oauth(), held, before, grant, NOW, (86_400, 0.5))
    assert fresh.content == {
        "access_token": "new", "refresh_token": "old", "captured": {"url": "x", "team": "T2"},
    }  # fmt: skip


def test_how_a_credential_is_renewed():
    assert issue.renewal_of(oauth(), {"refresh_token": "r"}) == "refresh"
    assert issue.renewal_of(oauth(), {}) is None
    assert issue.renewal_of(oauth(grant="client_credentials"), {}) == "obtain"
    assert issue.renewal_of(custom(steps=[{"name": "a", "url": "https://x"}]), {}) == "steps"
    assert issue.renewal_of(custom(), {}) is None
    assert issue.renewal_of(method(type="bearer"), {}) is None
    assert issue.from_steps({"s": 1}, 60.0, NOW).expires_at == NOW + timedelta(seconds=60)
    assert issue.entered({"a": "b"}, NOW).slot == ENTERED
