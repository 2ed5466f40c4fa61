from datetime import UTC, datetime

from worksphere_hub.client.filters import as_query


def test_filters_are_written_as_the_api_reads_them():
    since = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    given = {"type": "invoice.*", "attribute": ("data.customer.id", "a=b"), "since": since, "until": None}
    assert as_query(given, 7) == {
        "limit": 7,
        "type": "invoice.*",
        "attribute": "data.customer.id=a=b",
        "since": "2026-01-02T03:04:05+00:00",
        "until": None,
    }
