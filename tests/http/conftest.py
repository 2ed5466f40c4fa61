"""What several tests of the HTTP door share."""

import io
import json
import logging

import pytest
import structlog

from worksphere_hub.telemetry import logs


@pytest.fixture
def lines():
    """Return a function that reads the lines written so far; logging is as before afterwards."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    stream = io.BytesIO()
    logs.configure("info", json=True, redact=lambda fields: fields, stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
