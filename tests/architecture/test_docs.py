"""What the documents say is there, is there."""

import re

import pytest

from tests.architecture.sources import ROOT, tracked

NAMED_TABLES = (
    "integrations", "integration_instances", "webhook_endpoints", "webhook_event_logs", "api_connections",
    "data_sync_configurations", "sync_execution_logs", "integration_marketplace", "integration_reviews",
    "integration_usage_analytics",
)  # fmt: skip

DOCUMENTS = [path.relative_to(ROOT).as_posix() for path in tracked() if path.suffix == ".md"]

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_PATH = re.compile(r"`(?P<path>[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+/?)`")
_VERB = re.compile(r"(?:^|`|\s)make(?: (?P<verb>[a-z][a-z-]*))(?=$|`|[\s=])", re.MULTILINE)
_TARGET = re.compile(r"^(?P<verb>[a-z][a-z-]*):", re.MULTILINE)


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code(text):
    """What stands between backticks or fences, where a command is a command."""
    fenced = [block.split("\n", 1)[1].removesuffix("```") for block in _FENCE.findall(text)]
    return "\n".join([*fenced, *_FENCE.sub("", text).split("`")[1::2]])


def dead_links(name, text):
    """Links to local files that do not resolve, from where the document is."""
    targets = [match["target"] for match in _LINK.finditer(_FENCE.sub("", text))]
    local = [target.partition("#")[0] for target in targets if "://" not in target and not target.startswith("mailto:")]
    return [target for target in local if target and not (ROOT / name).parent.joinpath(target).exists()]


def dead_paths(text):
    """Paths in backticks that begin with a folder of the checkout and lead nowhere."""
    folders = {path.relative_to(ROOT).parts[0] for path in tracked()}
    places = [match["path"] for match in _PATH.finditer(_FENCE.sub("", text))]
    return [
        place
        for place in places
        if place.split("/")[0] in folders and "NN" not in place and not (ROOT / place).exists()
    ]


def verbs(text):
    return {match["verb"] for match in _VERB.finditer(code(text))}


@pytest.mark.parametrize("table", NAMED_TABLES)
def test_a_named_table_is_in_the_glossary_and_in_the_schema(table):
    words = [line for line in read("ARCHITECTURE.md").splitlines() if line.startswith("|")]
    assert [line for line in words if line.rstrip().endswith(f"| `{table}` |")]
    assert re.search(rf"^create table hub\.{table} \(", read("database/schema-integration-hub.sql"), re.MULTILINE)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_and_paths_lead_somewhere(name):
    assert not dead_links(name, read(name))
    assert not dead_paths(read(name))


def test_the_changelog_has_a_place_for_what_comes_next():
    headings = [line for line in read("CHANGELOG.md").splitlines() if line.startswith("## ")]
    assert headings[0] == "## Unreleased"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_verb_a_document_names_is_in_the_makefile(name):
    assert verbs(read(name)) <= {match["verb"] for match in _TARGET.finditer(read("Makefile"))}


def test_the_makefile_prints_every_verb_it_has():
    makefile = read("Makefile")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    targets = {match["verb"] for match in _TARGET.finditer(makefile)}
    assert targets == set(phony.split())
    assert targets == set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def test_what_is_looked_for_would_be_found():
    assert {"demo", "test", "check", "bench"} <= verbs(read("README.md"))
    assert verbs("`make nonsense` and\n```bash\nmake other ARGS=1\n```\nthey make things, `make`") == {
        "nonsense",
        "other",
    }
    assert dead_links("docs/guides/x.md", "[a](operate.md) [b](none.md) [c](../../README.md#x) [d](https://e.org)") == [
        "none.md"
    ]
    assert dead_paths("`docs/none.md` `docs/guides/operate.md` `webhooks/none.py`") == ["docs/none.md"]
    assert len(DOCUMENTS) > 10
