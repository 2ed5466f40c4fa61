"""Every instrument explains itself, and two hubs in one process do not share."""

import re

from prometheus_client.parser import text_string_to_metric_families

from worksphere_hub.telemetry.metrics import create_metrics


def test_every_metric_is_explained():
    metrics = create_metrics()
    metrics.contracts_violated.labels("warn").inc()
    metrics.deliveries_attempted.labels("delivered").inc()
    metrics.http_requests.labels("/v1/x", "GET", "200").inc()
    metrics.http_request_seconds.labels("/v1/x", "GET").observe(0.2)
    metrics.problems.labels("not_found").inc()
    body, content_type = metrics.render()
    assert content_type.startswith("text/plain")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    ours = {name for name in families if name.startswith("hub_")}
    assert ours == {
        "hub_events_accepted",
        "hub_contracts_violated",
        "hub_deliveries_attempted",
        "hub_attempt_seconds",
        "hub_queue_oldest_due_seconds",
        "hub_queue_depth",
        "hub_http_requests",
        "hub_http_request_seconds",
        "hub_problems",
    }
    for name in ours:
        assert re.match(r"[A-Z].*\.$", families[name].documentation), name
        assert any(sample.value is not None for sample in families[name].samples), name


def test_what_is_counted_is_shown():
    metrics = create_metrics()
    metrics.events_accepted.inc(5)
    metrics.queue_depth.set(12)
    metrics.queue_oldest_due_seconds.set(1.5)
    metrics.attempt_seconds.observe(0.3)
    body, _ = metrics.render()
    for sample in (
        b"hub_events_accepted_total 5.0",
        b"hub_queue_depth 12.0",
        b"hub_queue_oldest_due_seconds 1.5",
        b'hub_attempt_seconds_bucket{le="0.25"} 0.0',
        b'hub_attempt_seconds_bucket{le="0.5"} 1.0',
    ):
        assert sample in body.splitlines()


def test_two_hubs_count_apart():
    one, other = create_metrics(), create_metrics()
    one.events_accepted.inc()
    assert other.registry.get_sample_value("hub_events_accepted_total") == 0
