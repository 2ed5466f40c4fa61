"""Traces: each wide line a span, sent by OpenTelemetry where an operator has installed and switched it on.

Where to, how often and under which name is said by OpenTelemetry's own settings (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`, ...). Switched off, which is the default, nothing of it is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worksphere_hub.errors import HubError
from worksphere_hub.telemetry import logs
from worksphere_hub.telemetry.logs import Redact

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

_NAME = "worksphere-hub"
# A span is looked at by people: what is longer has its place in the log.
_LONGEST = 1_000


class TracesUnavailable(HubError):
    """Traces are switched on, and what sends them is not installed."""

    code = "traces_unavailable"


@dataclass(frozen=True, slots=True)
class Open:
    """A span that has begun, and what the one around it is put back by."""

    span: "Span"
    token: Any


class Spans:
    """Begins a span with each line and ends it with what the line says, redacted as the line is."""

    def __init__(self, tracer: "Tracer", redact: Redact) -> None:
        self._tracer = tracer
        self._redact = redact

    def begin(self, event: str, parent: str | None) -> Open:
        """Begin one, within the span around it, or within the caller's, named by a `traceparent` header."""
        from opentelemetry import context, trace  # noqa: PLC0415 - optional
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        around = None if parent is None else TraceContextTextMapPropagator().extract({"traceparent": parent})
        span = self._tracer.start_span(event, context=around)
        return Open(span, context.attach(trace.set_span_in_context(span, around)))

    def end(self, opened: Open, outcome: str, fields: Mapping[str, object]) -> None:
        """End it with the facts of its line: plain values as they are, anything else as text."""
        from opentelemetry import context  # noqa: PLC0415 - optional
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        context.detach(opened.token)
        try:
            shown = self._redact(dict(fields))
        except Exception:  # noqa: BLE001 - nothing goes out unredacted, and nothing breaks the work
            shown = {}
        for name, value in shown.items():
            if value is not None:
                opened.span.set_attribute(name, _plain(value))
        opened.span.set_attribute("outcome", outcome)
        if outcome != "ok":
            opened.span.set_status(Status(StatusCode.ERROR, outcome))
        opened.span.end()


def start(redact: Redact) -> "TracerProvider":
    """Send a span for each line from now on; `stop` sends what is left. Raises TracesUnavailable."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise TracesUnavailable(
            "Install them with `pip install 'worksphere-hub[otel]'`, or unset HUB_TRACES."
        ) from None
    resource = Resource.create({"service.name": _NAME}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    logs.accompany(Spans(provider.get_tracer(_NAME), redact))
    return provider


def stop(provider: "TracerProvider") -> None:
    """Send what is left, and no more."""
    logs.accompany(None)
    provider.shutdown()


def _plain(value: object) -> str | bool | int | float:
    if isinstance(value, bool | int | float):
        return value
    return str(value)[:_LONGEST]
