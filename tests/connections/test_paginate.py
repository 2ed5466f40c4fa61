"""The next page of a list."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.connections.paginate import next_page
from worksphere_hub.sdk.manifest.api import Pagination

BASE = "https://api.example.com/v1"


def following(kind, body=None, path="things", query="", headers=None, **given):
    declared = Pagination(kind=kind, **given)
    return next_page(declared, BASE, (path, query), headers or {}, json.dumps(body).encode())


def test_cursors():
    declared = {"parameter": "cursor", "cursor": "meta.next"}
    assert following("cursor", {"meta": {"next": "a b"}}, query="q=1&cursor=old", **declared) == "things?q=1&cursor=a+b"
    assert following("cursor", {"meta": {"next": 7}}, **declared) == "things?cursor=7"
    for last in ({"meta": {"next": ""}}, {"meta": {}}, {"meta": {"next": None}}, [], None):
        assert following("cursor", last, **declared) is None


def test_pages_and_offsets():
    pages = {"parameter": "page", "size_parameter": "size", "size": 2}
    assert following("page", {"items": [1, 2]}, **pages) == "things?page=2"
    assert following("page", {"items": [1, 2]}, query="page=4", **pages) == "things?page=5"
    assert following("page", {"items": [1]}, **pages) is None
    assert following("page", [], **pages) is None
    assert following("page", [1, 2], query="size=3", **pages) is None
    assert following("page", [1], parameter="page", first=0) == "things?page=1"
    assert following("offset", {"items": [1, 2]}, query="skip=10", parameter="skip") == "things?skip=12"
    assert following("offset", {"a": [1], "b": [2]}, parameter="skip") is None


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://api.example.com/v1/things?after=2", "things?after=2"),
        ("/v1/things?after=2", "things?after=2"),
        ("https://api.example.com/v1/a/b", "a/b"),
        ("https://evil.example/v1/things", None),
        ("http://api.example.com/v1/things", None),
        ("https://api.example.com:444/v1/things", None),
        ("https://api.example.com@evil.example/v1/things", None),
        ("https://api.example.com/v2/things", None),
        ("//evil.example/v1/x", None),
        (7, None),
    ],
)
def test_addresses_are_followed_below_the_base_only(url, found):
    assert following("next_url", {"next": url}, cursor="next") == found
    if isinstance(url, str):
        header = f'<https://api.example.com/v1/first>; rel="first", <{url}>; rel="next"'
        assert following("link", headers={"link": header}) == found


def test_no_link_is_the_last_page():
    for header in ("", '<https://api.example.com/v1/a>; rel="prev"', "nonsense", "<" * 200):
        assert following("link", headers={"link": header}) is None


@given(st.binary(max_size=60), st.text(max_size=40), st.text(max_size=80))
def test_nothing_that_arrives_breaks_it(body, query, link):
    for declared in (
        Pagination(kind="cursor", parameter="c", cursor="next"),
        Pagination(kind="page", parameter="p"),
        Pagination(kind="offset", parameter="o"),
        Pagination(kind="link"),
        Pagination(kind="next_url", cursor="next"),
    ):
        next_page(declared, BASE, ("x", query), {"link": link}, body)
