"""Each line is a span: sent by OTLP to a collector that we did not write the format of, redacted as the line is."""

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.http.driving import build, call
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.telemetry import traces
from worksphere_hub.telemetry.logs import wide, within

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Collector(BaseHTTPRequestHandler):
    """Takes what is exported."""

    got: list

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((self.path, ExportTraceServiceRequest.FromString(body)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def spans(monkeypatch):
    """Begin to trace; ends it, and answers what a collector has got, when called."""

    class Mine(Collector):
        got: ClassVar[list] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Mine)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "acme-hub")
    provider = traces.start(redact_fields)
    ended = []

    def end():
        if not ended:
            traces.stop(provider)
            ended.append(True)
        assert {path for path, _ in Mine.got} <= {"/v1/traces"}
        resources = [resource for _, request in Mine.got for resource in request.resource_spans]
        names = {each.value.string_value for one in resources for each in one.resource.attributes
                 if each.key == "service.name"}  # fmt: skip
        assert names <= {"acme-hub"}
        return {span.name: span for one in resources for scope in one.scope_spans for span in scope.spans}

    yield end
    end()
    server.shutdown()
    server.server_close()
    thread.join()


def attributes(span):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


async def test_what_a_line_says_is_on_its_span_and_lines_within_are_within(spans):
    async def inner(number):
        with wide(f"inner.{number}", count=number):
            await asyncio.sleep(0)

    with wide("outer.done", org="acme", secret="a secret") as line:
        await asyncio.gather(inner(1), inner(2))
        line.add(share=0.5, fine=True, nothing=None)
    with wide("after.done"):
        pass
    found = spans()
    outer = found["outer.done"]
    said = attributes(outer)
    assert (said["org"], said["share"], said["fine"], said["outcome"]) == ("acme", 0.5, True, "ok")
    assert "nothing" not in said
    assert "a secret" not in str(found)
    assert {found[f"inner.{number}"].parent_span_id for number in (1, 2)} == {outer.span_id}
    assert found["after.done"].trace_id != outer.trace_id


async def test_a_bad_end_is_an_error_without_the_words_of_it(spans):
    with pytest.raises(ValueError, match="secret"), wide("work.done"):
        raise ValueError("a secret in a message")
    with wide("other.done") as line:
        line.fail("endpoint_gone")
    found = spans()
    assert found["work.done"].status.code == found["other.done"].status.code == 2
    assert found["other.done"].status.message == "endpoint_gone"


async def test_a_request_is_part_of_its_callers_trace(spans):
    app = build()
    assert (await call(app, "GET", "/healthz", headers={"traceparent": CALLER})).status == 200
    with within("nonsense", "odd.done"):
        pass
    found = spans()
    served = found["request.served"]
    assert (served.trace_id.hex(), served.parent_span_id.hex()) == (CALLER.split("-")[1], CALLER.split("-")[2])
    assert attributes(served)["status"] == 200
    assert found["odd.done"].parent_span_id == b""


def test_switched_off_nothing_is_begun():
    with wide("work.done") as line:
        assert line._opened is None
