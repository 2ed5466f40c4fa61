"""The guide's table is what there is, and its example is taken."""

import json
import re

import msgspec

from tests.architecture.sources import ROOT
from worksphere_hub.webhooks.destinations.catalogue import KINDS, read_destination

TEXT = (ROOT / "docs" / "guides" / "destinations.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("| `") and "kind" not in line
]


def words(cell):
    return re.findall(r"`([a-z0-9_]+)`", cell)


def test_every_kind_is_in_the_table_with_its_fields_and_what_it_is_shown():
    told = {words(kind)[0]: (set(words(fields)), set(words(auth)), "or none" in auth) for kind, fields, auth, _ in ROWS}
    known = {}
    for kind in KINDS:
        fields = {field.name for field in msgspec.structs.fields(kind)} - {"endpoint_url"}
        known[kind.__struct_config__.tag] = (fields, set(kind.shown), kind.bare)
    assert told == known


def test_which_take_a_host_of_ones_own_is_said():
    without = {
        kind.__struct_config__.tag
        for kind in KINDS
        if "endpoint_url" not in {field.name for field in msgspec.structs.fields(kind)}
    }
    assert without == {"aws_sqs", "kafka_rest", "rabbitmq"}
    assert "All but SQS, Kafka and RabbitMQ take an `endpoint_url`" in TEXT


def test_the_example_is_one():
    body = json.loads(re.search(r"```json\nPOST [^\n]*\n(.*?)```", TEXT, re.DOTALL)[1])
    assert read_destination(body["destination"]).address == "https://sqs.eu-west-1.amazonaws.com/"
    assert body["auth"]["type"] in read_destination(body["destination"]).shown
