"""What is recorded in the connectors' folders: the same questions are asked, and the same comes of the answers."""

from pathlib import Path

import pytest

import worksphere_hub.connectors
from tests.sdk.scripted import evaluate
from worksphere_hub.sdk import fixtures, registry
from worksphere_hub.sdk.fixtures import Replay, play

FOLDERS = Path(worksphere_hub.connectors.__file__).parent
RECORDED = {
    (slug, name): fixture
    for slug in sorted(registry.names())
    for name, fixture in fixtures.load(FOLDERS / slug.replace("-", "_")).items()
}
FIVE = ("google-drive", "microsoft-teams", "salesforce", "slack", "zoom")


@pytest.mark.parametrize("recorded", RECORDED, ids="-".join)
async def test_what_was_recorded_is_asked_for_and_gives_the_same(recorded):
    fixture = RECORDED[recorded]
    api = Replay(fixture, evaluate)
    gives = await play(registry.load(recorded[0]), fixture, api)
    assert gives == fixture.gives
    assert api.left == []
    # An answer of which nothing comes would show nothing.
    assert gives["records"] if fixture.reads else gives


@pytest.mark.parametrize("slug", FIVE)
def test_every_stream_and_some_action_of_the_five_is_on_record(slug):
    connector = registry.load(slug)
    reads = {fixture.reads for (of, _), fixture in RECORDED.items() if of == slug}
    # Salesforce's objects are read by one and the same code.
    assert reads >= ({"Account"} if slug == "salesforce" else set(connector.streams))
    assert any(fixture.runs in connector.actions for (of, _), fixture in RECORDED.items() if of == slug)


@pytest.mark.parametrize("slug", ["slack", "zoom"])
def test_what_a_vendor_publishes_is_recorded_where_it_publishes_any(slug):
    assert [name for (of, name), fixture in RECORDED.items() if of == slug and fixture.origin == "published"]
