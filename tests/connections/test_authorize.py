"""The authorize URL: PKCE S256 always, and nothing of it a manifest can take over."""

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.connections.manifests import oauth, slack
from worksphere_hub.connections import scopes
from worksphere_hub.connections.authorize import RESERVED, Journey, authorize_url, challenge, new_verifier
from worksphere_hub.connections.errors import InvalidConnection
from worksphere_hub.sdk.manifest.template import TemplateFailed

JOURNEY = Journey("client", "https://hub.example.com/v1/oauth/callback/example", "the-state", "v" * 43)


def parameters(url: str) -> dict[str, str]:
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert len(dict(pairs)) == len(pairs), "a parameter stands twice"
    return dict(pairs)


def made(method, values=None, wanted=None, journey=JOURNEY):
    return authorize_url(method, values or {}, journey, scopes.by_slot(method, scopes.wanted(method, wanted)))


def test_everything_is_in_it():
    url = made(oauth())
    assert url.startswith("https://login.example.com/authorize?")
    assert parameters(url) == {
        "response_type": "code",
        "client_id": "client",
        "redirect_uri": "https://hub.example.com/v1/oauth/callback/example",
        "state": "the-state",
        "scope": "read write",
        "code_challenge": challenge("v" * 43),
        "code_challenge_method": "S256",
    }


def test_the_challenge_is_that_of_the_rfc():
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_verifiers_are_fresh_and_legal():
    verifier = new_verifier()
    assert 43 <= len(verifier) <= 128
    assert verifier != new_verifier()
    digest = hashlib.sha256(verifier.encode()).digest()
    assert base64.urlsafe_b64decode(challenge(verifier) + "=") == digest


def test_slots_have_parameters_and_separators_of_their_own():
    found = parameters(made(slack()))
    assert (found["scope"], found["user_scope"]) == ("chat:write,users:read", "search:read")


def test_a_slot_without_scopes_asks_for_nothing():
    assert "user_scope" not in parameters(made(slack(), wanted=["chat:write"]))


def test_further_parameters_are_filled_and_the_urls_own_query_stays():
    method = oauth(
        authorize_url="https://login.example.com/${settings.tenant}/authorize?fixed=1",
        authorize_parameters={"access_type": "offline", "team": "${settings.team}"},
    )
    url = made(method, {"settings": {"tenant": "acme", "team": "a&b=c"}})
    assert url.startswith("https://login.example.com/acme/authorize?fixed=1&")
    found = parameters(url)
    assert (found["access_type"], found["team"]) == ("offline", "a&b=c")
    with pytest.raises(TemplateFailed):
        made(method, {"settings": {"tenant": "acme"}})


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_manifest_cannot_set_what_is_ours(name):
    assert "evil" not in made(oauth(authorize_parameters={name: "evil"}))


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_breaks_out_of_its_parameter(state, client):
    state, client = (text.encode("utf-8", "replace").decode() for text in (state, client))
    found = parameters(made(oauth(), journey=Journey(client, JOURNEY.redirect_uri, state, JOURNEY.verifier)))
    assert (found["state"], found["client_id"], found["code_challenge_method"]) == (state, client, "S256")


def test_without_a_page_to_go_to_there_is_none():
    with pytest.raises(InvalidConnection):
        made(oauth(authorize_url=None))
