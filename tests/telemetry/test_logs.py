"""One line per unit of work, written once, with how it ended."""

import asyncio
import io
import json
import logging
import re

import pytest
import structlog

from worksphere_hub.errors import Conflict, Unavailable
from worksphere_hub.security.redact import redact_fields
from worksphere_hub.telemetry import logs
from worksphere_hub.telemetry.logs import wide


class Written:
    def __init__(self):
        self.stream = io.BytesIO()

    def __call__(self):
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture(autouse=True)
def logging_as_before():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def lines():
    written = Written()
    logs.configure("info", json=True, redact=redact_fields, stream=written.stream)
    return written


def test_facts_are_gathered_and_written_once(lines):
    with wide("delivery.attempted", endpoint="whe_1") as line:
        line.add(status=200, endpoint="whe_2")
        assert lines() == []
    (written,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", written.pop("at"))
    assert written.pop("duration_ms") >= 0
    assert written == {
        "level": "info",
        "event": "delivery.attempted",
        "outcome": "ok",
        "endpoint": "whe_2",
        "status": 200,
    }


@pytest.mark.parametrize(
    ("error", "outcome", "level"),
    [
        (Conflict("Twice."), "conflict", "warning"),
        (Unavailable(), "unavailable", "error"),
        (ValueError("bad"), "internal_error", "error"),
        (asyncio.CancelledError(), "cancelled", "info"),
    ],
)
def test_an_exception_ends_the_line_and_goes_on(lines, error, outcome, level):
    with pytest.raises(type(error)) as caught, wide("work.done"):
        raise error
    assert caught.value is error
    (written,) = lines()
    assert (written["outcome"], written["level"]) == (outcome, level)


def test_an_exception_is_described_by_the_first_line_only(lines):
    with pytest.raises(ValueError, match="bad"), wide("outer.done"), wide("inner.done"):
        raise ValueError("bad")
    inner, outer = lines()
    assert (inner["event"], inner["error_type"], inner["error_detail"]) == ("inner.done", "ValueError", "bad")
    assert inner["trace"]
    assert (outer["event"], outer["outcome"]) == ("outer.done", "internal_error")
    assert not {"trace", "error_type", "error_detail"} & set(outer)


def test_a_bad_end_needs_no_exception(lines):
    with wide("delivery.attempted") as line:
        assert not line.failed
        line.fail("timed_out")
        assert line.failed
    assert (lines()[0]["outcome"], lines()[0]["level"]) == ("timed_out", "warning")


def test_a_quiet_line_is_written_only_when_it_fails(lines):
    with wide("queue.polled") as line:
        line.quiet()
    assert lines() == []
    with wide("queue.polled") as line:
        line.quiet()
        line.fail("conflict")
    assert lines()[0]["outcome"] == "conflict"


def test_reserved_names_do_not_hide_the_line(lines):
    with wide("work.done", level="deep", at="noon") as line:
        line.add(event="other", duration_ms=-1, outcome="mine")
    (written,) = lines()
    assert (written["event"], written["level"], written["outcome"]) == ("work.done", "info", "ok")
    assert (written["event_"], written["level_"], written["at_"], written["outcome_"]) == (
        "other",
        "deep",
        "noon",
        "mine",
    )
    assert written["duration_ms"] >= 0


def test_secrets_are_redacted_at_any_depth(lines):
    with wide("work.done", api_key="canary", headers={"Authorization": "Bearer canary"}) as line:
        line.add(items=[{"client_secret": "canary"}])
    assert b"canary" not in lines.stream.getvalue()
    assert set(lines()[0]) >= {"api_key", "headers", "items"}


def test_a_line_whose_redaction_fails_is_written_without_its_fields():
    written = Written()

    def broken(_fields):
        raise RuntimeError("canary")

    logs.configure("info", json=True, redact=broken, stream=written.stream)
    with wide("work.done", token="canary"):
        pass
    assert b"canary" not in written.stream.getvalue()
    (line,) = written()
    assert (line["event"], line["redaction_failed"]) == ("work.done", "internal_error")


def test_libraries_write_lines_too(lines):
    logging.getLogger("some.library").warning("odd %s", "thing")
    logging.getLogger("some.library").error("failed\nbadly", exc_info=KeyError("gone"))
    logging.getLogger("some.library").debug("not shown")
    warning, failure = lines()
    assert (warning["event"], warning["logger"], warning["message"]) == (
        "library.logged",
        "some.library",
        "odd thing",
    )
    assert (failure["level"], failure["error_type"], failure["message"]) == (
        "error",
        "KeyError",
        "failed\nbadly",
    )


def test_the_servers_own_access_line_is_off():
    logging.getLogger("uvicorn.access").propagate = True
    lines = Written()
    logs.configure("info", json=True, redact=redact_fields, stream=lines.stream)
    logging.getLogger("uvicorn.access").info("GET /v1/events?token=canary")
    assert lines() == []


def test_configuring_twice_writes_once(lines):
    again = Written()
    logs.configure("info", json=True, redact=redact_fields, stream=again.stream)
    logging.getLogger("x").warning("once")
    assert (len(lines()), len(again())) == (0, 1)


def test_below_the_level_nothing_is_written():
    written = Written()
    logs.configure("warning", json=True, redact=redact_fields, stream=written.stream)
    with wide("work.done"):
        pass
    assert written() == []


def test_a_person_reads_the_same_facts():
    stream = io.BytesIO()
    logs.configure("info", json=False, redact=redact_fields, stream=stream)
    with wide("work.done", password="canary", size=3):
        pass
    text = stream.getvalue().decode()
    assert "work.done" in text
    assert "size=3" in text
    assert "canary" not in text


def test_an_unknown_level_is_refused():
    with pytest.raises(KeyError):
        logs.configure("loud", json=True, redact=redact_fields)
