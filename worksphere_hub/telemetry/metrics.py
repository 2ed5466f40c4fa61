"""Metrics: one registry a process, every instrument of the hub in one place."""

from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# Seconds. A request is milliseconds; an attempt waits for somebody else's server, up to its time-out.
_REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ATTEMPT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The instruments; make them once a process with `create_metrics` and hand them down."""

    registry: CollectorRegistry
    events_accepted: Counter
    contracts_violated: Counter  # label: enforcement
    deliveries_attempted: Counter  # label: outcome
    attempt_seconds: Histogram
    queue_oldest_due_seconds: Gauge
    queue_depth: Gauge
    http_requests: Counter  # labels: route, method, status
    http_request_seconds: Histogram  # labels: route, method
    problems: Counter  # label: code

    def render(self) -> tuple[bytes, str]:
        """Write everything in Prometheus' text format; returns the body and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


def create_metrics() -> Metrics:
    """Make the instruments in a registry of their own, so that two hubs in one process do not collide."""
    disable_created_metrics()  # a second series for every counter, which nobody asks for
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Metrics(
        registry=registry,
        events_accepted=Counter("hub_events_accepted", "Events committed and answered with 202.", registry=registry),
        contracts_violated=Counter(
            "hub_contracts_violated",
            "Events that did not keep to the contract of their type, by what became of them.",
            ["enforcement"],
            registry=registry,
        ),
        deliveries_attempted=Counter(
            "hub_deliveries_attempted",
            "Delivery attempts finished, by what came of them.",
            ["outcome"],
            registry=registry,
        ),
        attempt_seconds=Histogram(
            "hub_attempt_seconds",
            "Seconds from the start of a delivery attempt to its verdict.",
            buckets=_ATTEMPT_BUCKETS,
            registry=registry,
        ),
        queue_oldest_due_seconds=Gauge(
            "hub_queue_oldest_due_seconds",
            "Seconds the oldest due and unclaimed delivery has waited; 0 when none waits.",
            registry=registry,
        ),
        queue_depth=Gauge("hub_queue_depth", "Deliveries waiting to be attempted.", registry=registry),
        http_requests=Counter(
            "hub_http_requests",
            "HTTP requests answered, by route template, method and status.",
            ["route", "method", "status"],
            registry=registry,
        ),
        http_request_seconds=Histogram(
            "hub_http_request_seconds",
            "Seconds from the request's first byte to the answer's last.",
            ["route", "method"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        ),
        problems=Counter("hub_problems", "Problem answers given, by code.", ["code"], registry=registry),
    )
