"""What a search asks for, as the query that the API takes."""

from datetime import UTC, datetime

from worksphere_hub.client.filters import as_query


def test_filters_become_a_query():
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    filters = {"type": "invoice.*", "attribute": ("data.customer.id", "a=b"), "since": moment, "channel": None}
    assert as_query(filters, 20) == {
        "limit": 20,
        "type": "invoice.*",
        "attribute": "data.customer.id=a=b",
        "since": "2026-01-02T03:04:05+00:00",
        "channel": None,
    }
    assert as_query({}, None) == {"limit": None}
