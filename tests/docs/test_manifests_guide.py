"""Every manifest of the guide can be registered, and the one that cannot is refused with what stands below it."""

import json
import re

import pytest

from tests.architecture.sources import ROOT
from worksphere_hub.catalog.manifests import EXPRESSION_LIMIT, SIZE_LIMIT, check
from worksphere_hub.events import schema_limits

GUIDE = (ROOT / "docs" / "guides" / "manifests.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```json (\w+)\n(.*?)```", GUIDE, re.DOTALL)
MANIFESTS = [json.loads(text) for kind, text in BLOCKS if kind == "manifest"]


@pytest.mark.parametrize("document", MANIFESTS, ids=lambda document: document["slug"])
def test_an_example_can_be_registered(document):
    assert check(document).problems == ()


def test_the_bad_one_is_refused_as_it_says():
    found = dict(BLOCKS)
    told = {each.field: each.message for each in check(json.loads(found["refused"])).problems}
    assert told == json.loads(found["problems"])


def test_there_are_examples():
    assert len(MANIFESTS) >= 3
    assert {kind for kind, _ in BLOCKS} == {"manifest", "refused", "problems"}


def test_the_limits_it_tells_are_the_limits():
    rows = re.findall(r"^\| .* \| (.*) \|$", GUIDE[GUIDE.index("## Limits") :], re.MULTILINE)
    assert rows[1:] == [
        f"{SIZE_LIMIT >> 10} KiB",
        f"{EXPRESSION_LIMIT}",
        f"{schema_limits.SIZE_LIMIT >> 10} KiB, {schema_limits.DEPTH_LIMIT} levels",
    ]
