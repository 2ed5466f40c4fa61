"""Every kind of paging visits every record once, and ends."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sdk.scripted import evaluate
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.manifest.api import Pagination
from worksphere_hub.sdk.paging import first, following, next_link

RULES = {
    "cursor": Pagination(kind="cursor", parameter="cursor", cursor="next", size_parameter="limit", size=3),
    "next_url": Pagination(kind="next_url", cursor="next_url"),
    "link": Pagination(kind="link"),
    "page": Pagination(kind="page", parameter="page", size_parameter="per_page", size=3),
    "page from 0": Pagination(kind="page", parameter="page", size_parameter="per_page", size=3, first=0),
    "offset": Pagination(kind="offset", parameter="skip", size_parameter="take", size=3),
}
RULES |= {
    f"{kind} in the body": RULES[kind].model_copy(update={"where": "body"})
    for kind in ("cursor", "page", "page from 0", "offset")
}


def served(kind, total, request):
    """A list of `total` numbers, three a page, in each provider's manner."""
    query = (request.json or {}) if kind.endswith("in the body") else request.query
    if kind.startswith("page"):
        at = (int(query["page"]) - (0 if kind.startswith("page from 0") else 1)) * 3
    elif kind.startswith("offset"):
        at = int(query["skip"])
    elif kind.startswith("cursor"):
        at = int(query.get("cursor", 0))
    else:
        at = int(request.path.partition("?at=")[2] or 0)
    records = list(range(at, min(at + 3, total)))
    more = at + 3 < total
    body = {"items": records, "next": str(at + 3) if more else "", "next_url": f"/list?at={at + 3}" if more else None}
    link = (
        f'</list?at=0>; rel="first", </list?at={at + 3}>; rel="next"; title="a, b"'
        if more
        else '</list?at=0>; rel="first"'
    )
    return Answer(200, {"link": link}, msgspec.json.encode(body))


@pytest.mark.parametrize("kind", RULES)
@given(total=st.integers(0, 20))
def test_each_record_comes_once(kind, total):
    rule = RULES[kind]
    request = first(Request("GET", "/list"), rule)
    seen = []
    for _ in range(12):
        answer = served(kind, total, request)
        items = answer.json()["items"]
        seen += items
        request = following(request, answer, rule, len(items), evaluate)
        if request is None:
            break
    assert request is None
    assert seen == list(range(total))


def test_a_cursor_that_does_not_move_is_told():
    rule = RULES["cursor"]
    request = Request("GET", "/list", {"cursor": "7"})
    with pytest.raises(Unexpected):
        following(request, Answer(200, {}, b'{"next": "7"}'), rule, 3, evaluate)
    with pytest.raises(Unexpected):
        following(request, Answer(200, {}, b'{"next": {"a": 1}}'), rule, 3, evaluate)


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('<https://a/x?page=2>; rel="next"', "https://a/x?page=2"),
        ("<https://a/x?page=2>; rel=next", "https://a/x?page=2"),
        ('<https://a/1>; rel="prev", <https://a/3>; rel="next"', "https://a/3"),
        ('<https://a/3>; title="x, y"; rel="last next"', "https://a/3"),
        ('<https://a/3>; rel="nextish"', None),
        ('<https://a/3>; rel="prev"', None),
        ("", None),
        ("nonsense", None),
    ],
)
def test_link_headers(header, url):
    assert next_link(header) == url


def test_no_rule_is_one_page():
    request = Request("GET", "/list")
    assert first(request, None) is request
    assert following(request, Answer(200, {}, b"[]"), None, 5, evaluate) is None
