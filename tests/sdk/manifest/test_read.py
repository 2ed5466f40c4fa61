"""Everything that is wrong is told at once, each with its field; a sound manifest has no problem."""

import json

import pytest

from tests.sdk.manifest.samples import CUSTOM, OAUTH, base, entered
from worksphere_hub.sdk.manifest.read import PROBLEM_LIMIT, read, read_text


def problems(document) -> dict[str, str]:
    return {each.path: each.message for each in read(document).problems}


SOUND = {
    "api key": base(),
    "oauth2": base(auth={"oauth": OAUTH}),
    "custom": base(auth={"custom": CUSTOM}),
    "basic": base(auth={"basic": {"type": "basic", "label": "x", "fields": entered("username", "password")}}),
    "bearer": base(auth={"bearer": {"type": "bearer", "label": "x", "fields": entered("token")}}),
    "none": base(auth={"none": {"type": "none", "label": "Public"}}),
    "inbound only": base(api=None, verification=None, streams=None, actions=None, inbound={"scheme": "github"}),
    "captured host": base(
        auth={"oauth": {**OAUTH, "capture": {"instance_url": "instance_url"}}},
        api__base_url="${captured.instance_url}/v1",
    ),
    "host of a setting": base(
        hosts=["${settings.base_url}"],
        settings={"type": "object", "properties": {"base_url": {"type": "string", "default": "https://x.example"}}},
        api__base_url="${settings.base_url}",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_manifest_is_read(name):
    reading = read(SOUND[name])
    assert reading.problems == ()
    assert reading.manifest is not None
    assert read_text(json.dumps(SOUND[name])) == reading


# ruff: noqa: E501 - a table
# What is changed, the field at fault, and a part of what is said of it.
FAULTS = {
    "unknown field": ({"verison": "1.0.0"}, "verison", "did you mean `version`?"),
    "unknown and unlike any": ({"zzz": 1}, "zzz", "remove it, or use one of"),
    "unknown deep down": ({"api__base_ur": "x"}, "api.base_ur", "did you mean `base_url`?"),
    "unknown in a method": ({"auth__key__lable": "x"}, "auth.key.lable", "did you mean `label`?"),
    "missing": ({"name": None}, "name", "is missing"),
    "missing deep down": ({"streams__tickets__records": None}, "streams.tickets.records", "is missing"),
    "wrong kind": ({"name": 3}, "name", "must be a text, not a number"),
    "wrong kind of a list": ({"hosts": "api.example.com"}, "hosts", "must be a list, not a text"),
    "no version": ({"version": "1.2"}, "version", "must be three numbers such as 1.4.0"),
    "no slug": ({"slug": "My App"}, "slug", "small letters, digits and dashes"),
    "no date": ({"changelog": [{"version": "1.0.0", "date": "soon", "changes": ["x"]}]}, "changelog.0.date", "a date"),
    "too long": ({"summary": "x" * 301}, "summary", "must have at most 300 characters"),
    "too small": ({"api__timeout_seconds": 0}, "api.timeout_seconds", "must be greater than or equal to 1"),
    "no choice": ({"api__pagination__kind": "pages"}, "api.pagination.kind", "must be one of cursor, next_url"),
    "no such type": ({"auth__key__type": "apikey"}, "auth.key", "must be one of oauth2, api_key"),
    "no type": ({"auth__key__type": None}, "auth.key", "lacks its `type`"),
    "no method": ({"auth": {}}, "auth", "at least 1"),
    "bad template": ({"api__base_url": "https://${subdomain}.x"}, "api.base_url", "begins no name"),
    "bad name": ({"streams__Bad Name": {}}, "streams.Bad Name", "small letters, digits and _"),
    "no such setting": ({"verification__path": "/${settings.subdomian}"}, "verification.path", "`subdomain`?"),
    "setting without value": ({"settings__required": []}, "api.base_url", "may have no value; make it required"),
    "no such field": ({"auth__key__place": [{"name": "x", "value": "${credential.kez}"}]}, "auth.key.place.0.value", "`key`?"),
    "not captured": ({"verification__path": "/${captured.account}"}, "verification.path", "is not in auth.key"),
    "no such input": ({"actions__close__call__path": "/${input.no}"}, "actions.close.call.path", "actions.close.input_schema"),
    "input elsewhere": ({"verification__path": "/${input.id}"}, "verification.path", "which has no value here"),
    "setting among hosts only": ({"hosts": ["${captured.host}"]}, "hosts.0", "which has no value here"),
    "host not covered": ({"api__base_url": "https://api.other.example"}, "api.base_url", "is at api.other.example"),
    "stream not covered": ({"streams__tickets__call__path": "https://a.b"}, "streams.tickets.call.path", "is at a.b"),
    "no host": ({"hosts": ["https://a.example/x", "*.example"]}, "hosts.1", "must be a host such as"),
    "no URL": ({"api__base_url": "api.example.com"}, "api.base_url", "must be a URL such as"),
    "all the world": ({"hosts": ["*"]}, "hosts.0", "must be a host such as"),
    "bad schema": ({"settings__properties": {"subdomain": {"type": "strin"}}}, "settings.properties.subdomain.type", "is not JSON Schema"),
    "settings are an object": ({"settings": {"type": "array"}}, "settings.type", "must be `object`"),
    "required and unknown": ({"settings__required": ["subdomain", "b"]}, "settings.required", "names b"),
    "secret setting": (
        {"settings__properties": {"subdomain": {"type": "string", "writeOnly": True}}},
        "settings.properties.subdomain.writeOnly", "settings are not sealed",
    ),
    "credential is no text": ({"auth__key__fields__properties": {"key": {"type": "integer"}}}, "auth.key.fields.properties.key.type", "`string`"),
    "nothing to enter": ({"auth": {"b": {"type": "basic", "label": "x"}}}, "auth.b.fields", "describes nothing to enter"),
    "key without place": ({"auth__key__place": []}, "auth.key.place", "in which header"),
    "no authorize URL": ({"auth": {"o": {**OAUTH, "authorize_url": None}}}, "auth.o.authorize_url", "needs it"),
    "no device URL": ({"auth": {"o": {**OAUTH, "grant": "device_code"}}}, "auth.o.device_url", "needs it"),
    "no assertion": ({"auth": {"o": {**OAUTH, "grant": "jwt_bearer"}}}, "auth.o.assertion", "needs it"),
    "no issuer": ({"auth": {"o": {**OAUTH, "sends_issuer": True}}}, "auth.o.issuer", "is missing"),
    "token URL not covered": ({"auth": {"o": {**OAUTH, "token_url": "https://t.example"}}}, "auth.o.token_url", "no entry of `hosts`"),
    "captured too early": (
        {"auth": {"o": {**OAUTH, "token_url": "https://a.cdn.tickets.example/${captured.account}"}}},
        "auth.o.token_url", "which has no value here",
    ),
    "no such slot": (
        {"auth": {"o": {**OAUTH, "scopes": {"r": {"sentence": "x", "slot": "user"}}}}}, "auth.o.scopes.r.slot", "among the slots: main",
    ),
    "call of no slot": ({"verification__slot": "user"}, "verification.slot", "which no auth method has"),
    "no such scope": ({"auth": {"o": OAUTH}, "streams__tickets__scopes": ["reed"]}, "streams.tickets.scopes.0", "which no auth method asks for"),
    "captured later": (
        {"auth": {"c": {**CUSTOM, "steps": CUSTOM["steps"][::-1]}}}, "auth.c.steps.0.url", "is not in auth.c.steps",
    ),
    "custom does nothing": ({"auth": {"c": {"type": "custom", "label": "x"}}}, "auth.c", "does nothing"),
    "two bodies": (
        {"auth": {"c": {**CUSTOM, "steps": [{**CUSTOM["steps"][0], "form": {}}]}}}, "auth.c.steps.0", "has both form and json_body",
    ),
    "no api": ({"api": None}, "verification", "there is no `api` to call"),
    "pages without parameter": ({"api__pagination__parameter": None}, "api.pagination.parameter", "is missing"),
    "cursor without cursor": ({"api__pagination__cursor": None}, "api.pagination.cursor", "is missing"),
    "size without its name": ({"api__pagination__size": 50}, "api.pagination", "both or neither"),
    "offset without size": (
        {"streams__tickets__pagination": {"kind": "offset", "parameter": "o"}}, "streams.tickets.pagination.size", "an offset grows",
    ),
    "cursor of nothing": ({"streams__tickets__cursor_parameter": "since"}, "streams.tickets.cursor_field", "is missing"),
    "rate twice": ({"api__rates": [{"name": "a", "limit": 1, "per_seconds": 1}] * 2}, "api.rates.1.name", "second time"),
    "path without slash": ({"verification__path": "me"}, "verification.path", "must begin with /"),
    "change to come": (
        {"changelog": [{"version": "2.0.0", "date": "2026-01-01", "changes": ["x"]}]}, "changelog.0.version", "newer than",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_is_told_where_it_is(name):
    changes, field, said = FAULTS[name]
    found = problems(base(**changes))
    assert field in found, found
    assert any(each.path == field and said in each.message for each in read(base(**changes)).problems), found[field]


ALONE = [name for name, (changes, *_) in FAULTS.items() if name not in {
    "no host", "setting without value", "bad template", "credential is no text", "captured later",
    "setting among hosts only", "settings are an object", "all the world", "no URL", "nothing to enter", "two bodies", "no api",
}]  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_one_fault_is_told_alone(name):
    changes, field, _ = FAULTS[name]
    # Where the base's own auth method is replaced, what it captured or entered is not missed by anything else.
    others = set(problems(base(**changes))) - {field}
    assert not {each for each in others if not each.startswith(field) and not field.startswith(each)}


def test_all_faults_are_told_at_once():
    document = base(
        versoin="1.0.0",
        version=1,
        category="C",
        auth__key__lable="x",
        api__base_url="https://api.other.example",
        streams__tickets__primary_key=[],
        verification__path="/${settings.subdomian}",
    )
    found = problems(document)
    assert set(found) == {
        "versoin", "version", "category", "auth.key.lable", "api.base_url", "streams.tickets.primary_key",
        "verification.path",
    }  # fmt: skip


@pytest.mark.parametrize("document", [None, [], "x", 3, {}, {"auth": []}, {"auth": {"a": 1}}, {"hosts": [1, None]}])
def test_what_is_no_manifest_at_all_is_told_so(document):
    reading = read(document)
    assert reading.manifest is None
    assert reading.problems
    assert all(each.message[0].islower() for each in reading.problems)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1, "a": 2}', '{"a": NaN}', b"\xff"])
def test_what_is_no_json_is_told_so(text):
    (problem,) = read_text(text).problems
    assert problem.path == "manifest"
    assert problem.message.startswith("is not JSON: ")


def test_there_is_an_end_to_problems():
    assert len(read(base(**{f"x{number}": 1 for number in range(500)})).problems) == PROBLEM_LIMIT
