"""Every example of the guide to inbound sources can be created as it stands."""

import json
import re
from typing import get_args

from tests.architecture.sources import ROOT
from worksphere_hub.events.grammar import is_event_type
from worksphere_hub.inbound.schemas import SourceCreate, SubscriptionCreate
from worksphere_hub.inbound.schemes.catalogue import Verification

GUIDE = (ROOT / "docs" / "guides" / "inbound.md").read_text(encoding="utf-8")


def examples() -> list[SourceCreate]:
    found = [
        SourceCreate.model_validate(json.loads(text)) for text in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    ]
    command = re.search(r"-d '(\{.*?\n\})'", GUIDE, re.DOTALL)
    assert command is not None
    return [*found, SourceCreate.model_validate(json.loads(command[1]))]


def test_every_example_can_be_created():
    for wanted in examples():
        scheme = wanted.verification
        if wanted.secret is not None:
            scheme.check_secret(wanted.secret if isinstance(wanted.secret, str) else json.dumps(wanted.secret))
        assert wanted.secret is not None or scheme.mints_secret or not scheme.takes_secret, wanted.name
        if wanted.route == "publish":
            continue
        assert wanted.event_type is not None
        assert is_event_type(wanted.event_type)


def test_every_scheme_has_an_example():
    schemes = {kind.model_fields["scheme"].annotation.__args__[0] for kind in get_args(get_args(Verification)[0])}
    assert {wanted.verification.scheme for wanted in examples()} == schemes


def test_the_example_of_a_subscription_can_be_asked_for_and_the_fact_is_one():
    (subscription,) = re.findall(r"```json subscription\n(.*?)```", GUIDE, re.DOTALL)
    SubscriptionCreate.model_validate(json.loads(subscription))
    (fact,) = re.findall(r"```json fact\n(.*?)```", GUIDE, re.DOTALL)
    assert set(json.loads(fact)) == {"connection_id", "instance_id", "account", "record", "data"}
