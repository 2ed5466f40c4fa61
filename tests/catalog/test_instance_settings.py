"""Settings keep to their schema, and make addresses that the integration may talk to."""

import pytest

from tests.sdk.manifest.samples import base
from worksphere_hub.catalog.errors import InvalidSettings
from worksphere_hub.catalog.instance_settings import problems, require
from worksphere_hub.sdk.manifest.read import read


def manifest(**changes):
    reading = read(base(**changes))
    assert reading.manifest is not None, reading.problems
    return reading.manifest


OPEN = {
    "type": "object",
    "properties": {"base_url": {"type": "string"}, "page": {"type": "integer", "default": 50, "maximum": 100}},
    "required": ["base_url"],
}
ANYWHERE = {"settings": OPEN, "hosts": ["${settings.base_url}"], "api__base_url": "${settings.base_url}"}


def test_sound_ones_have_no_problem():
    assert problems(manifest(), {"subdomain": "acme"}) == ()
    assert problems(manifest(**ANYWHERE), {"base_url": "https://api.example.com/v1"}) == ()


def test_problems_are_told_by_field_and_in_words_of_this_room():
    (problem,) = problems(manifest(**ANYWHERE), {"base_url": "https://a.example", "page": 500})
    assert (problem.field, problem.message) == ("settings.page", "must be at most 100")
    (unknown,) = problems(manifest(), {"subdomain": "acme", "subdomian": "x"})
    assert "contract" not in unknown.message


def test_a_default_counts_as_given():
    schema = {**OPEN, "required": ["base_url", "page"]}
    assert problems(manifest(**{**ANYWHERE, "settings": schema}), {"base_url": "https://a.example"}) == ()


@pytest.mark.parametrize("subdomain", ["evil.test/", "evil.test/?", "a b", "", "a@b", "*"])
def test_an_address_that_it_may_not_talk_to_is_a_problem(subdomain):
    (problem,) = problems(manifest(), {"subdomain": subdomain})
    assert "may not talk to" in problem.message


def test_what_only_a_connection_has_is_not_asked_for():
    document = {"verification": None, "api__base_url": "https://x.cdn.tickets.example/${credential.key}"}
    assert problems(manifest(**document), {"subdomain": "acme"}) == ()
    assert problems(manifest(api=None, verification=None, streams=None, actions=None), {"subdomain": "acme"}) == ()


def test_all_of_them_are_in_the_failure():
    with pytest.raises(InvalidSettings, match="settings lacks the field subdomain") as refused:
        require(manifest(), {})
    assert [each.field for each in refused.value.problems] == ["settings"]
