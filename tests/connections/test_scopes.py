"""Scopes: asked for, granted, missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import oauth, slack
from worksphere_hub.connections import scopes
from worksphere_hub.connections.errors import InvalidConnection
from worksphere_hub.sdk.manifest.auth import Scope


def test_what_is_asked_for():
    method = oauth()
    assert scopes.wanted(method) == ["read", "write"]
    assert scopes.wanted(method, []) == ["read"]
    assert scopes.wanted(method, ["admin"]) == ["read", "admin"]
    with pytest.raises(InvalidConnection, match="nonsense"):
        scopes.wanted(method, ["read", "nonsense"])


def test_slots_apart():
    assert scopes.by_slot(slack(), ["chat:write", "search:read"]) == {"main": ["chat:write"], "user": ["search:read"]}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("a,b, c", ["a", "b", "c"]),
        (["a", "b", 1, ""], ["a", "b"]),
        ("", []),
        (None, None),
        (7, None),
        ({}, None),
    ],
)
def test_what_providers_say(said, found):
    assert scopes.read(said) == found


def test_what_a_provider_never_names_is_not_missing():
    entra = oauth().model_copy(update={"scopes": {
        "User.Read": Scope(sentence="Read.", required=True),
        "offline_access": Scope(sentence="Stay.", required=True, echoed=False),
    }})  # fmt: skip
    assert scopes.wanted(entra) == ["User.Read", "offline_access"]
    assert scopes.missing(entra, ["User.Read"]) == []
    assert scopes.missing(entra, ["offline_access"]) == ["User.Read"]


@given(st.lists(st.sampled_from(["read", "write", "admin", "other"])))
def test_what_is_missing(granted):
    assert scopes.missing(oauth(), granted) == ([] if "read" in granted else ["read"])
