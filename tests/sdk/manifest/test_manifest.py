"""The published JSON Schema of manifests takes what the hub takes, and knows its fields."""

import json

import pytest
from jsonschema_rs import Draft202012Validator

from tests.architecture.sources import ROOT
from tests.sdk.manifest.samples import CUSTOM, OAUTH, base
from tools.export_reference import manifest_schema

SCHEMA = json.loads((ROOT / "docs" / "reference" / "manifest.schema.json").read_text(encoding="utf-8"))


def test_it_is_the_one_that_the_code_makes():
    assert json.loads(manifest_schema()) == SCHEMA, "run `make schema`"


@pytest.mark.parametrize("document", [base(), base(auth={"o": OAUTH, "c": CUSTOM})])
def test_it_takes_a_sound_manifest(document):
    assert Draft202012Validator(SCHEMA).is_valid(document)


@pytest.mark.parametrize(
    "change", [{"versoin": "1"}, {"version": "1"}, {"auth": {}}, {"hosts": None}, {"api__rates": 3}]
)
def test_it_refuses_what_has_the_wrong_shape(change):
    assert not Draft202012Validator(SCHEMA).is_valid(base(**change))
