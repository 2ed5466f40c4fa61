"""What one version asks for that another did not: hosts, scopes, ways to authorize, settings."""

from tests.sdk.manifest.samples import CUSTOM, OAUTH, base, entered
from worksphere_hub.catalog.difference import changes_between, difference, scopes_of
from worksphere_hub.sdk.manifest.read import read


def manifest(**changes):
    reading = read(base(**changes))
    assert reading.manifest is not None, reading.problems
    return reading.manifest


def oauth(**changes):
    return manifest(auth={"o": {**OAUTH, **changes}})


def test_nothing_is_nothing():
    found = difference(manifest(), manifest(version="1.3.0", summary="Better.", description="x", tags=["new"]))
    assert not found.asks_for_more
    assert not found.reconnect
    assert not any(
        [*found.hosts.added, *found.hosts.removed, *found.scopes.added, *found.auth.changed, *found.settings.changed]
    )


def test_hosts():
    found = difference(manifest(), manifest(hosts=["${settings.subdomain}.tickets.example", "new.example"]))
    assert (found.hosts.added, found.hosts.removed) == (["new.example"], ["*.cdn.tickets.example"])
    assert found.asks_for_more
    assert not found.reconnect


def test_scopes():
    before = oauth(scopes={"a": {"sentence": "A."}, "b": {"sentence": "B.", "default": False}})
    after = oauth(scopes={"b": {"sentence": "B."}, "c": {"sentence": "C.", "default": False}})
    found = difference(before, after)
    # What could be left out and is asked for now is new to whoever left it out.
    assert [each.name for each in found.scopes.added] == ["b", "c"]
    assert [each.name for each in found.scopes.removed] == ["a"]
    assert (found.asks_for_more, found.reconnect) == (True, True)
    optional = difference(before, oauth(scopes={**_scopes(before), "c": {"sentence": "C.", "default": False}}))
    assert (optional.asks_for_more, optional.reconnect) == (True, False)
    fewer = difference(before, oauth(scopes={"a": {"sentence": "A."}}))
    assert (fewer.asks_for_more, fewer.reconnect) == (False, False)


def _scopes(of):
    return {each.name: {"sentence": each.sentence, "default": each.default} for each in scopes_of(of)}


def test_ways_to_authorize():
    bearer = {"type": "bearer", "label": "Token", "fields": entered("token")}
    key = base()["auth"]["key"]
    added = difference(manifest(), manifest(auth={"key": key, "b": bearer}))
    assert (added.auth.added, added.asks_for_more, added.reconnect) == (["b"], True, False)
    removed = difference(manifest(auth={"key": key, "b": bearer}), manifest())
    assert (removed.auth.removed, removed.asks_for_more, removed.reconnect) == (["b"], False, True)
    for changed in (
        {**key, "place": [{"name": "elsewhere", "value": "${credential.key}"}]},
        {**key, "fields": entered("key", "more")},
        {**bearer, "fields": entered("key"), "token": "${credential.key}"},
    ):
        found = difference(manifest(), manifest(auth={"key": changed}))
        assert (found.auth.changed, found.asks_for_more, found.reconnect) == (["key"], True, True), changed
    worded = difference(manifest(), manifest(auth={"key": {**key, "label": "A key", "description": "Find it there."}}))
    assert worded.auth.changed == []


def test_where_tokens_come_from():
    elsewhere = {"token_url": "https://other.cdn.tickets.example/token"}
    found = difference(oauth(), oauth(**elsewhere))
    assert (found.auth.changed, found.reconnect) == (["o"], True)
    # Another path of the same host is no other party.
    same = difference(oauth(), oauth(token_url="https://${settings.subdomain}.tickets.example/v2/token"))
    assert same.auth.changed == []
    steps = [{**CUSTOM["steps"][0], "url": "https://a.cdn.tickets.example/login"}, CUSTOM["steps"][1]]
    custom = difference(manifest(auth={"c": CUSTOM}), manifest(auth={"c": {**CUSTOM, "steps": steps}}))
    assert custom.auth.changed == ["c"]


def test_settings():
    schema = {
        "type": "object",
        "properties": {"subdomain": {"type": "string", "title": "Subdomain"}, "region": {"type": "string"}},
        "required": ["subdomain", "region"],
    }
    loose = {**schema, "required": ["subdomain"]}
    assert difference(manifest(), manifest(settings=schema)).settings.added == ["region"]
    assert difference(manifest(settings=schema), manifest()).settings.removed == ["region"]
    assert difference(manifest(settings=loose), manifest(settings=schema)).settings.changed == ["region"]


def test_what_changed_between():
    log = [
        {"version": version, "date": "2026-01-01", "changes": [version]}
        for version in ("1.2.0", "1.10.0", "1.9.0", "1.1.0")
    ]
    found = changes_between(manifest(version="1.10.0", changelog=log), "1.2.0")
    assert [each.version for each in found] == ["1.10.0", "1.9.0"]
