"""Logs: one wide line per unit of work, written once when the work ends."""

import logging
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import structlog
from structlog.typing import EventDict, WrappedLogger

from worksphere_hub import clock
from worksphere_hub.errors import HubError
from worksphere_hub.telemetry.failure import describe, outcome
from worksphere_hub.telemetry.rendering import ConsoleLine, render_json

Redact = Callable[[dict[str, object]], dict[str, object]]


class Company(Protocol):
    """What goes along with each line: a span (see `traces`)."""

    def begin(self, event: str, parent: str | None) -> Any:
        """The work begins; `parent` is what the caller says that it is part of. Answers what `end` takes."""
        ...

    def end(self, opened: Any, outcome: str, fields: Mapping[str, object]) -> None:
        """The work has ended."""
        ...


class _Accompanied:
    by: Company | None = None


def accompany(company: Company | None) -> None:
    """Have every line of this process accompanied from now on, or no more."""
    _Accompanied.by = company


_RESERVED = frozenset({"at", "level", "event", "outcome", "duration_ms"})
_WRITTEN = "_hub_written"


def configure(level: str, *, json: bool, redact: Redact, stream: BinaryIO | None = None) -> None:
    """Send every line of this process, the libraries' own included, through `redact` to `stream` (stderr).

    `level` is debug, info, warning, error or critical. `json` off writes for a person at a terminal.
    """
    threshold = logging.getLevelNamesMapping()[level.upper()]
    target = stream or sys.stderr.buffer
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            _Redaction(redact),
            render_json if json else ConsoleLine(colors=target.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    _adopt_standard_logging(threshold)


class Line:
    """Gather what happened during one unit of work and write it once, at the end."""

    __slots__ = ("_event", "_fields", "_level", "_opened", "_outcome", "_parent", "_since")

    def __init__(self, event: str, fields: dict[str, object], parent: str | None = None) -> None:
        self._event = event
        self._parent = parent
        self._opened: Any = None
        self._fields: dict[str, object] = {}
        self._level = logging.INFO
        self._outcome = "ok"
        self._since = clock.monotonic()
        self.add(**fields)

    def add(self, **fields: object) -> None:
        """Put facts on the line; a later value replaces an earlier one."""
        for name, value in fields.items():
            self._fields[f"{name}_" if name in _RESERVED else name] = value

    def fail(self, code: str, *, level: int = logging.WARNING) -> None:
        """Say that the work ended badly without an exception leaving it."""
        self._outcome = code
        self._level = level

    @property
    def failed(self) -> bool:
        """Whether a bad end is on the line already."""
        return self._outcome != "ok"

    def caught(self, error: BaseException) -> None:
        """Put an exception on the line; the trace only if no other line holds it yet."""
        self.fail(outcome(error), level=_severity(error))
        if not vars(error).get(_WRITTEN):
            vars(error)[_WRITTEN] = True
            self.add(**describe(error))

    def quiet(self) -> None:
        """Write this line only at level debug, unless it fails: for work that says the same each second."""
        self._level = logging.DEBUG

    def __enter__(self) -> Self:
        """Start the clock."""
        self._since = clock.monotonic()
        if _Accompanied.by is not None:
            self._opened = _Accompanied.by.begin(self._event, self._parent)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Write the line; an exception goes on to whoever handles it."""
        if error is not None:
            self.caught(error)
        if self._opened is not None and _Accompanied.by is not None:
            _Accompanied.by.end(self._opened, self._outcome, self._fields)
        duration = round((clock.monotonic() - self._since) * 1000, 3)
        log = structlog.get_logger()
        log.log(self._level, self._event, outcome=self._outcome, duration_ms=duration, **self._fields)


def wide(event: str, **fields: object) -> Line:
    """Open the line of one unit of work: `with wide("delivery.attempted", ...) as line: line.add(...)`."""
    return Line(event, fields)


def within(parent: str | None, event: str, **fields: object) -> Line:
    """The same for work that is part of a caller's, which names it by the `traceparent` header (W3C Trace Context)."""
    return Line(event, fields, parent)


def _severity(error: BaseException) -> int:
    if isinstance(error, HubError):
        return logging.ERROR if error.status >= 500 else logging.WARNING
    return logging.ERROR if isinstance(error, Exception) else logging.INFO


class _Redaction:
    """Hand each line's fields to the redaction the application chose."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def __call__(self, _logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        try:
            return self._redact(dict(fields))
        except Exception as error:  # noqa: BLE001 - a line must neither break the work nor go out unredacted
            return {name: fields[name] for name in _RESERVED if name in fields} | {"redaction_failed": outcome(error)}


class _IntoLines(logging.Handler):
    """Bring what libraries log through the standard module onto the hub's lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        error = record.exc_info[1] if record.exc_info else None
        fields: dict[str, object] = {} if error is None else describe(error)
        log = structlog.get_logger()
        log.log(record.levelno, "library.logged", logger=record.name, message=record.getMessage(), **fields)


def _adopt_standard_logging(threshold: int) -> None:
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _IntoLines)]:
        root.removeHandler(handler)
    root.addHandler(_IntoLines())
    root.setLevel(threshold)
    # The access line is ours (http.access): one a request, with the route and without the query string.
    access = logging.getLogger("uvicorn.access")
    access.handlers.clear()
    access.propagate = False
