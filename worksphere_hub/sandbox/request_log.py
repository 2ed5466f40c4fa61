"""PURE: what was asked of the sandbox, without what must not be read by others."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl, urlencode

_SECRET_HEADERS = {"cookie", "set-cookie", "x-goog-channel-token", "proxy-authorization"}
_SECRET_PARAMETERS = re.compile(r"token|secret|code|assertion|password|signature", re.IGNORECASE)
# Cursors are called tokens by some vendors and are no secret; a test wants to see them.
_PLAIN = {"pageToken", "next_page_token", "nextPageToken", "syncToken", "response_type", "code_challenge_method"}
MASK = "***"
KEPT = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and the status it got; None when it got no answer."""

    id: int
    at: str
    provider: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    status: int | None
    fault: str | None

    def view(self) -> dict[str, Any]:
        """As the control API shows it."""
        return asdict(self)


class RequestLog:
    """The last requests, in order."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._count = 0

    def add(self, at: str, where: tuple[str, str, str, str], headers: Iterable[tuple[str, str]], end: Any) -> Entry:
        """Note a request. `where` is provider, method, path, query; `end` is status and fault id, or Nones."""
        self._count += 1
        provider, method, path, query = where
        entry = Entry(self._count, at, provider, method, path, mask_query(query), mask_headers(headers), *end)
        self._entries.append(entry)
        return entry

    def find(self, provider: str = "*", path: str = "*", method: str = "*", after: int = 0) -> list[Entry]:
        """Those that match, the oldest first."""
        return [
            entry
            for entry in self._entries
            if entry.id > after
            and provider in {"*", entry.provider}
            and method in {"*", entry.method}
            and fnmatchcase(entry.path, path)
        ]

    def clear(self) -> None:
        """Forget all of them; numbers go on."""
        self._entries.clear()


def mask_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers with credentials taken out; of an Authorization header the scheme stays."""
    masked: dict[str, str] = {}
    for name, value in headers:
        if name == "authorization":
            scheme, _, rest = value.partition(" ")
            masked[name] = f"{scheme} {MASK}" if rest else MASK
        else:
            masked[name] = MASK if name in _SECRET_HEADERS else value
    return masked


def mask_query(query: str) -> str:
    """A query string with credentials taken out."""
    pairs = parse_qsl(query, keep_blank_values=True)
    return urlencode(
        [(name, MASK if name not in _PLAIN and _SECRET_PARAMETERS.search(name) else value) for name, value in pairs],
        safe="*",
    )
