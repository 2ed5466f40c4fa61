"""What an endpoint can be told, and what is refused with the field that is wrong."""

import pytest
from joserfc.jwk import OKPKey

from worksphere_hub.webhooks.configuration import merged
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.models import Configuration

URL = {"url": "https://example.com/hooks"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "url"),
        ({**URL, "kind": "pull"}, "url"),
        ({"kind": "pull", "batch_size": 2}, "batch_size"),
        ({"kind": "pull", "ordering": "key"}, "ordering"),
        ({**URL, "event_types": ["*", "in voice"]}, "event_types.1"),
        ({**URL, "channels": ["ok", "not ok"]}, "channels.1"),
        ({**URL, "filter": "data.("}, "filter"),
        ({**URL, "transform": "$eval('1')"}, "transform"),
        ({**URL, "thin": True, "transform": "data"}, "thin"),
        ({**URL, "headers": {"Authorization": "Bearer x"}}, "headers.Authorization"),
        ({**URL, "headers": {"Content-Type": "text/plain"}}, "headers.Content-Type"),
        ({**URL, "headers": {"webhook-id": "1"}}, "headers.webhook-id"),
        ({**URL, "headers": {"x": "a\r\nb: c"}}, "headers.x"),
        ({**URL, "headers": {"x-a": "1", "X-A": "2"}}, "headers"),
        ({**URL, "headers": {f"x-{number}": "1" for number in range(21)}}, "headers"),
        ({**URL, "encryption_key": {"kty": "oct", "k": "AAAA"}}, "encryption_key"),
        (
            {**URL, "compression": "gzip", "encryption_key": OKPKey.generate_key("X25519").as_dict(private=False)},
            "compression",
        ),
        ({**URL, "retry_policy": {"kind": "schedule", "waits": [-1]}}, "retry_policy"),
        ({**URL, "ordering": "key", "batch_size": 2}, "batch_size"),
        ({**URL, "on_exhausted": "block"}, "on_exhausted"),
    ],
)
def test_what_does_not_work_is_refused_by_name(given, field):
    with pytest.raises(InvalidEndpoint) as refused:
        merged(Configuration(), given)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_every_problem_is_named_at_once():
    with pytest.raises(InvalidEndpoint) as refused:
        merged(Configuration(), {"event_types": ["a b"], "filter": "(", "on_exhausted": "block"})
    assert {problem.field for problem in refused.value.problems} == {"event_types.0", "filter", "on_exhausted", "url"}


def test_what_is_given_changes_and_the_rest_stays():
    before = merged(Configuration(), {**URL, "filter": "data.x", "event_types": ["a", "b"]})
    after = merged(before, {"filter": None, "description": "Billing"})
    assert (after.filter, after.description, after.event_types) == (None, "Billing", ("a", "b"))
    assert merged(Configuration(), {"kind": "pull"}).url is None
