"""Keep secrets out of logs, errors and screens: a type that will not print, and filters for free text."""

import hmac
import re
from collections.abc import Mapping
from typing import NoReturn, cast, final

REDACTED = "[redacted]"

_DEEPEST = 12


@final
class Secret:
    """Hold a text that prints, formats, pickles and serialises as nothing; only `reveal()` gives it away."""

    # Not a subclass of str on purpose: every JSON encoder, join and concatenation would let it through.
    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself: for the one place that sends or compares it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __str__(self) -> str:
        return REDACTED

    def __format__(self, spec: str) -> str:
        return format(REDACTED, spec)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled")


# Each pattern keeps its group 1, so that a reader still sees what stood there. None runs to the end
# of a text from each of many starting points: a hostile log line costs no more than its length.
_PATTERNS = (
    re.compile(r"\b(hub_[a-z]{2,12}_)[0-9A-Za-z]{8,}(?:_[0-9A-Za-z]+)?"),
    re.compile(r"\b(whsec_|whsk_)[0-9A-Za-z+/=]{8,}"),
    re.compile(r"(authorization[\"']?\s{0,4}[=:]\s{0,4}[\"']?)[^\s\"',;]+(?:[ ]{1,4}[^\s\"',;]+)?", re.IGNORECASE),
    re.compile(r"\b(bearer[ ]{1,4})[0-9A-Za-z._~+/=-]{8,}", re.IGNORECASE),
    # Between scheme and host: user:password@, in URLs and in PostgreSQL's connection strings alike.
    re.compile(r"(://)[^\s/?#\"'<>]*@"),
    re.compile(
        r"((?:password|passwd|pwd|secret|token|api[_-]?key|private[_-]?key|signature|code_verifier|assertion)"
        r"[\"']?\s{0,4}[=:]\s{0,4})(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|[^\s&;,\"'<>)}\]]+)",
        re.IGNORECASE,
    ),
    re.compile(r"(?<![0-9A-Za-z_-])(eyJ)[0-9A-Za-z_-]+\.[0-9A-Za-z_-]+\.[0-9A-Za-z_-]*"),
    re.compile(r"(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]*"),
)

# A field whose name, without case and separators, contains one of these holds a secret.
_SECRET_NAMES = re.compile(
    r"passw|passphrase|secret|token|authorization|cookie|apikey|credential|privatekey|accesskey|signature"
    r"|pepper|masterkey|verifier|sessionid|dsn|databaseurl"
)
_SEPARATORS = str.maketrans("", "", "-_. ")


def redact_text(text: str) -> str:
    """Replace the hub's keys, bearer tokens, passwords in URLs and the like in a free text."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{REDACTED}", text)
    return text


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Copy headers for a log: secret ones go by name, the others by what their values look like."""
    return {name: REDACTED if _names_a_secret(name) else redact_text(value) for name, value in headers.items()}


def redact_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Copy a log record, however nested, without what its keys or its texts would give away."""
    return _redact_mapping(cast("Mapping[object, object]", fields), 0)


def _names_a_secret(name: str) -> bool:
    return _SECRET_NAMES.search(name.lower().translate(_SEPARATORS)) is not None


def _redact_mapping(fields: Mapping[object, object], depth: int) -> dict[str, object]:
    redacted: dict[str, object] = {}
    for key, value in fields.items():
        name = str(key)
        # Whether a secret is set at all is worth knowing, and gives nothing away.
        tells = _names_a_secret(name) and value is not None and not isinstance(value, bool)
        redacted[redact_text(name)] = REDACTED if tells else _redact_value(value, depth)
    return redacted


def _redact_value(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, bytes | bytearray):
        return f"[{len(value)} bytes]"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth == _DEEPEST:
            return "[too deep]"
        if isinstance(value, Mapping):
            return _redact_mapping(cast("Mapping[object, object]", value), depth + 1)
        return [_redact_value(item, depth + 1) for item in cast("list[object]", value)]
    return redact_text(str(value))
