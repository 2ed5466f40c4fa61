"""Cursors come back as they went out; anything else is refused by name."""

import base64
import json
from uuid import UUID, uuid4

import pytest
from fastapi import APIRouter
from hypothesis import given
from hypothesis import strategies as st

from tests.http.driving import build, call
from worksphere_hub.errors import InvalidInput
from worksphere_hub.http.paging import Page, Paged, PageParams, cut_page, decode_cursor, encode_cursor

ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
parts = st.one_of(st.none(), st.integers(-(2**63) + 1, 2**63 - 1), ascii_text)


@given(st.lists(parts, min_size=1, max_size=4))
def test_a_cursor_comes_back_as_it_went_out(key):
    cursor = encode_cursor(key)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert list(decode_cursor(cursor, len(key))) == key


@given(st.text(st.characters(), max_size=60), st.integers(1, 3))
def test_garbage_is_refused_on_the_field_cursor(text, length):
    try:
        key = decode_cursor(text, length)
    except InvalidInput as error:
        refused = [problem.field for problem in error.problems]
    else:
        refused = ["cursor"] if len(key) == length else []
    assert refused == ["cursor"]


@pytest.mark.parametrize(
    "value",
    [{}, "text", 5, None, [], [1, 2], [[1]], [{}], [1.5], [True], [2**70], ["\x00"], ["\ud800"], ["é"]],
)
def test_json_that_is_no_key_is_refused(value):
    cursor = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    with pytest.raises(InvalidInput):
        decode_cursor(cursor, 1)


@pytest.mark.parametrize("cursor", ["", "é", "====", "W10", "bm90IGpzb24", "W1tbW1tbW1tbW1s" * 60])
def test_what_is_no_json_is_refused(cursor):
    with pytest.raises(InvalidInput):
        decode_cursor(cursor, 1)


def test_an_id_can_be_the_whole_key():
    value = uuid4()
    assert PageParams(cursor=encode_cursor([value.hex])).after_id() == value
    assert PageParams().after_id() is None
    with pytest.raises(InvalidInput):
        PageParams(cursor=encode_cursor(["not an id"])).after_id()


@given(st.lists(st.integers(), unique=True), st.integers(1, 7))
def test_pages_laid_end_to_end_are_the_list(rows, limit):
    ordered = sorted({value % 2**60 for value in rows})
    gathered, after = [], None
    while True:
        candidates = [value for value in ordered if after is None or value > after[0]][: limit + 1]
        page, cursor = cut_page(candidates, limit, lambda value: [value])
        gathered += page
        if cursor is None:
            break
        after = decode_cursor(cursor, 1)
    assert gathered == ordered


@pytest.fixture(scope="module")
def app():
    router = APIRouter()

    @router.get("/numbers")
    async def list_numbers(page: Paged) -> Page[UUID]:
        after = page.after_id()
        rows = [UUID(int=number) for number in range(1, 8) if after is None or number > after.int]
        data, cursor = cut_page(rows[: page.limit + 1], page.limit, lambda row: [row.hex])
        return Page(data=list(data), next_cursor=cursor)

    return build([router])


async def test_a_route_pages_to_the_end(app):
    seen, cursor = [], None
    for _ in range(3):
        answer = await call(app, "GET", "/numbers?limit=3" + (f"&cursor={cursor}" if cursor else ""))
        seen += answer.json()["data"]
        cursor = answer.json()["next_cursor"]
    assert [UUID(value).int for value in seen] == list(range(1, 8))
    assert cursor is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("cursor=%21", "cursor"),
        (f"cursor={'a' * 2000}", "cursor"),
    ],
)
async def test_bad_parameters_are_named(app, query, field):
    answer = await call(app, "GET", f"/numbers?{query}")
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, field)
