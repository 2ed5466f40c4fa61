"""A tier is worked out: each rule can be missed, what does not apply is no fault, exemptions give their reason."""

import json

import pytest

from tests.sdk.manifest.samples import OAUTH, base
from worksphere_hub.sdk.manifest.read import read
from worksphere_hub.sdk.quality import RULES, TIERS, InvalidQuality, judge

PLATINUM = base(
    description="A help desk: its tickets, the people who ask and the people who answer, kept equal with your own.",
    links={name: f"https://tickets.example/{name}" for name in ("documentation", "support", "privacy")},
    screenshots=[{"url": "https://tickets.example/1.png", "alt": "The list"}],
    changelog=[{"version": "1.2.0", "date": "2026-11-01", "changes": ["Tickets can be closed."]}],
    auth={"oauth": {**OAUTH, "rotation": "rotating"}},
    streams__tickets__cursor_field="updated_at",
    streams__tickets__record_schema={"type": "object"},
    streams__tickets__scopes=["read"],
    actions__close__scopes=["write"],
    inbound={"scheme": "hmac", "events": {"ticket.created": "Somebody opened a ticket."}},
)


def copy(**changes):
    """The best manifest there is, with something about it changed."""
    sound = json.loads(json.dumps(PLATINUM))
    for path, value in changes.items():
        *parents, last = path.split("__")
        at = sound
        for part in parents:
            at = at[part]
        if value is None:
            at.pop(last)
        else:
            at[last] = value
    manifest = read(sound).manifest
    assert manifest is not None, read(sound).problems
    return manifest


# What is changed, and the one rule that is missed thereby.
MISSED = {
    "documentation": {"links__documentation": None},
    "description": {"description": "Short."},
    "verification": {"verification": None},
    "titles": {"settings__properties": {"subdomain": {"type": "string"}}},
    "secrets-marked": {
        "auth__key": {
            "type": "bearer",
            "label": "Key",
            "fields": {
                "type": "object",
                "required": ["token"],
                "properties": {"token": {"type": "string", "title": "Token"}},
            },
        }
    },
    "scope-sentences": {"auth__oauth__scopes": {"read": {"sentence": "read"}, "write": {"sentence": "Change it."}}},
    "account-known": {"verification__account_key": None},
    "rate-limits": {"api__rates": []},
    "token-lifetimes": {"auth__oauth__rotation": None},
    "changelog": {"changelog": []},
    "support": {"links__support": None},
    "revocation": {"auth__oauth__revoke_url": None},
    "streams": {"streams__tickets__record_schema": None},
    "actions": {"actions": {}},
    "privacy": {"links__privacy": None},
    "inbound-events": {"inbound": None},
    "incremental": {"streams__tickets__cursor_field": None},
    "least-scopes": {"actions__close__scopes": None},
    "screenshots": {"screenshots": []},
}
OF_FOLDERS = {"readme", "fixtures", "real-fixtures"}


def fixture(origin):
    """The smallest there is."""
    exchange = {"request": {"method": "GET", "path": "/x"}, "answer": {"status": 200, "body": []}}
    gives = {"records": [], "deleted": [], "state": {}}
    return {"origin": origin, "source": "a test", "reads": "tickets", "exchanges": [exchange], "gives": gives}


def test_the_best_there_is_reaches_the_highest_tier():
    report = judge(copy())
    assert report.tier == "platinum"
    assert {each.rule.id for each in report.results if each.status == "not_applicable"} == OF_FOLDERS


@pytest.mark.parametrize("rule", MISSED)
def test_a_rule_that_is_missed_takes_its_tier_away(rule):
    report = judge(copy(**MISSED[rule]))
    (missing,) = [each for each in report.results if each.status == "missing"]
    assert missing.rule.id == rule
    assert missing.note
    before = [tier for tier in ("none", *TIERS) if tier == "none" or TIERS.index(tier) < TIERS.index(missing.rule.tier)]
    assert report.tier == before[-1]


def test_every_rule_can_be_missed():
    assert MISSED.keys() | OF_FOLDERS == {rule.id for rule in RULES}
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_a_public_api_without_tokens_is_not_asked_for_them():
    manifest = copy(
        auth={"none": {"type": "none", "label": "Public"}}, streams__tickets__scopes=[], actions__close__scopes=[]
    )
    report = judge(manifest)
    assert report.tier == "platinum"
    skipped = {each.rule.id for each in report.results if each.status == "not_applicable"}
    assert skipped >= {"revocation", "token-lifetimes", "least-scopes", "account-known", "scope-sentences"}


def test_a_code_connector_has_a_folder_that_is_looked_into(tmp_path):
    report = judge(copy(), tmp_path)
    assert report.tier == "none"
    assert {each.rule.id for each in report.results if each.status == "missing"} == OF_FOLDERS
    (tmp_path / "README.md").write_text("line\n" * 10)
    (tmp_path / "fixtures").mkdir()
    assert judge(copy(), tmp_path).tier == "bronze"
    (tmp_path / "fixtures" / "tickets.json").write_text("{}")
    (spoilt,) = [each for each in judge(copy(), tmp_path).results if each.rule.id == "fixtures"]
    assert spoilt.status == "missing"
    assert "tickets.json" in spoilt.note
    # A stand-in's answers do up to gold, an account's up to the end.
    (tmp_path / "fixtures" / "tickets.json").write_text(json.dumps(fixture("stand-in")))
    assert judge(copy(), tmp_path).tier == "gold"
    (tmp_path / "fixtures" / "more.json").write_text(json.dumps(fixture("account")))
    assert judge(copy(), tmp_path).tier == "platinum"


def test_an_exemption_counts_and_shows_its_reason(tmp_path):
    (tmp_path / "README.md").write_text("line\n" * 10)
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "fixtures" / "x.json").write_text(json.dumps(fixture("account")))
    reason = "The provider sends no events at all."
    (tmp_path / "quality.json").write_text(json.dumps({"exempt": {"inbound-events": reason}}))
    report = judge(copy(inbound=None), tmp_path)
    assert report.tier == "platinum"
    (exempt,) = [each for each in report.results if each.status == "exempt"]
    assert (exempt.rule.id, exempt.note) == ("inbound-events", reason)
    with pytest.raises(InvalidQuality, match="is not needed"):
        judge(copy(), tmp_path, strict=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is not JSON"),
        ("[]", "and nothing else"),
        ('{"tier": "platinum", "exempt": {}}', "a tier is worked out"),
        ('{"exempt": {"no-such-rule": "for a good reason, honestly"}}', "is no rule"),
        ('{"exempt": {"readme": "none"}}', "needs a reason"),
        ('{"exempt": {"readme": true}}', "needs a reason"),
    ],
)
def test_a_quality_file_may_say_nothing_else(tmp_path, text, said):
    (tmp_path / "quality.json").write_text(text)
    with pytest.raises(InvalidQuality, match=said):
        judge(copy(), tmp_path)
