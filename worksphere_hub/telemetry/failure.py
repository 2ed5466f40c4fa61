"""Describe an exception for a log line without repeating the data it was about."""

import traceback

from worksphere_hub.errors import HubError

_FRAMES = 20
_MESSAGE_CHARACTERS = 300


def describe(error: BaseException) -> dict[str, object]:
    """Name an exception: what the hub said of it, or its type, first line and frames; its cause's type."""
    if isinstance(error, HubError):
        return {"error_detail": error.detail, **_cause(error)}
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error_type": type_name(error),
        "error_detail": _first_line(error),
        "trace": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        **_cause(error),
    }


def outcome(error: BaseException) -> str:
    """Reduce an exception to the one word by which lines are counted."""
    if isinstance(error, HubError):
        return error.code
    if isinstance(error, Exception):
        return "internal_error"
    # CancelledError, KeyboardInterrupt, SystemExit: somebody stopped the work, it did not fail.
    return "cancelled"


def type_name(error: BaseException) -> str:
    """Write an exception's type with its module, without `builtins`."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _first_line(error: BaseException) -> str:
    # Drivers and validators put the offending values on the later lines (`DETAIL: Key (email)=(...)`).
    return str(error).partition("\n")[0][:_MESSAGE_CHARACTERS]


def _cause(error: BaseException) -> dict[str, object]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return {} if cause is None else {"caused_by": type_name(cause)}
