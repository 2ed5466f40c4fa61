"""Only what every reader of JSON reads alike gets in."""

import json

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, JsonValue

from tests.http.driving import build, call
from worksphere_hub.http.errors import MalformedJson, TooDeep
from worksphere_hub.http.strict_json import parse_json
from worksphere_hub.http.strict_route import StrictRoute

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), text),
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
    max_leaves=20,
)


@given(values, st.booleans())
def test_sound_json_is_read_as_ever(value, ascii_only):
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    try:
        parse_json(body)
    except (MalformedJson, TooDeep):
        return


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Line 1, column 1"),
        (b'{"a": 1,\n"b" 2}', "Line 2, column 5"),
        (b'{"a": 1} x', "Line 1, column 10"),
        (b'["\xff"]', "Line 1, column 3: this byte is not UTF-8"),
        ('["ü"\n,"'.encode() + b'\xff"]', "Line 2, column 3: this byte is not UTF-8"),
        (b'["tab\there"]', "Line 1, column 6"),
        (b"\xef\xbb\xbf{}", "Line 1, column 1"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' is given twice"),
        (b'[{"x": {"in": 1, "in": 1}}]', "'in' is given twice"),
        (b"[NaN]", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "1e999 is too large"),
        (b"[" + b"9" * 5_000 + b"]", "more digits"),
        (b"'single'", "Line 1, column 1"),
        (b"[1,]", "Line 1, column 4"),
    ],
)
def test_what_is_wrong_is_said(body, told):
    with pytest.raises(MalformedJson) as caught:
        parse_json(body)
    assert told in caught.value.detail


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (rb'{"a": ["x", "nul\u0000"]}', r"Line 1, column 17: \u0000 cannot be stored"),
        (b'{"a":\n {"b\\u0000": 1}}', r"Line 2, column 5: \u0000 cannot be stored"),
        (rb'["\ud800"]', r"Line 1, column 3: \ud800 is half a character"),
        (rb'{"x": "\udc00\ud800"}', r"column 8: \udc00 is half"),
        (rb'"\ud83d\ud83d\ude00"', r"column 2: \ud83d is half"),
        (rb'"\ud83d"', r"\ud83d is half"),
        (rb'"\\\uDFFF"', r"column 4: \uDFFF is half"),
    ],
)
def test_characters_that_cannot_be_stored_are_located(body, told):
    with pytest.raises(MalformedJson) as caught:
        parse_json(body)
    assert told in caught.value.detail


@given(st.text(st.characters(), max_size=30))
def test_exactly_what_can_be_stored_passes(word):
    body = json.dumps(word)
    # Through escapes, a high and a low half side by side are one character to any reader.
    read = json.loads(body)
    storable = not any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in read)
    try:
        passed = parse_json(body.encode()) == read
    except MalformedJson:
        passed = False
    assert passed == storable


@pytest.mark.parametrize(
    "body", [rb'["\ud83d\ude00"]', rb'["\\u0000"]', rb'["\u0001"]', rb'["\\ud800"]', rb'["\/\"\\"]']
)
def test_characters_that_only_look_like_it_pass(body):
    assert parse_json(body) == json.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 400_000,
        b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b',"0":0}',
        b'{"' + b"k" * 400_000 + b'":[' + b"0," * 200_000 + rb'"\u0000"]}',
        b"[" + b"1" * 1_000_000 + b"]",
        b'"' + rb"\u0041" * 150_000 + rb'\ud800"',
    ],
)
def test_a_costly_body_is_refused_at_a_small_price(body):
    # A quadratic step anywhere would run these into the test's time-out; none needs a second.
    with pytest.raises((MalformedJson, TooDeep)):
        parse_json(body)


class Anything(BaseModel):
    model_config = ConfigDict(extra="forbid")
    value: JsonValue


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"value": {"deep": [1]}}', 200, None),
        (b'{"value": ' + b"[" * 64 + b"]" * 64 + b"}", 400, "json_too_deep"),
        (b'{"value": 1, "value": 2}', 400, "malformed_json"),
        (b'{"value": NaN}', 400, "malformed_json"),
        (rb'{"value": "\u0000"}', 400, "malformed_json"),
        (rb'{"value": {"\ud800": 1}}', 400, "malformed_json"),
        (b'{"value": "\xfe"}', 400, "malformed_json"),
    ],
)
async def test_a_strict_route_reads_by_these_rules(body, status, code):
    router = APIRouter(route_class=StrictRoute)

    @router.post("/anything")
    async def take(anything: Anything) -> JsonValue:
        return anything.value

    outer = APIRouter(prefix="/v1")
    outer.include_router(router)
    answer = await call(build([outer]), "POST", "/v1/anything", body=body, headers={"content-type": "application/json"})
    assert (answer.status, answer.json().get("code")) == (status, code)
