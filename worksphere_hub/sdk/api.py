"""How a connector calls its provider: through what the hub hands in, which adds the credential and paces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from worksphere_hub.sdk.errors import (
    AuthFailed,
    Conflict,
    ConnectorFailed,
    Missing,
    NotPermitted,
    RateLimited,
    Rejected,
    Transient,
    Unexpected,
)

_DETAIL = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `path` is after the integration's base URL, or a whole URL that the provider gave, on its own hosts.

    At most one of `json`, `form` and `body` is set. `idempotent` says that doing it twice is doing it once; None leaves
    it to the method. `slot` is the token that it goes with.
    """

    method: str
    path: str
    query: Mapping[str, str | int | Sequence[str]] = field(default_factory=dict[str, str | int | Sequence[str]])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    json: Any = None
    form: Mapping[str, str] | None = None
    body: bytes | None = None
    slot: str = "main"
    idempotent: bool | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises Unexpected."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise Unexpected("The provider's answer is not JSON.", status=self.status) from None


class Api(Protocol):
    """A connection, to call its provider through."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """The instance's settings."""
        ...

    @property
    def captured(self) -> Mapping[str, Any]:
        """What was kept from the token's answer, as the manifest says: an instance URL, a team's id."""
        ...

    def evaluate(self, source: str, value: Any) -> Any:
        """Work out an expression that the settings brought; nothing gives None. Raises Unexpected."""
        ...

    async def send(self, request: Request) -> Answer:
        """Send a request, paced and tried again as the manifest says; answers whatever status came back.

        Raises Transient when nothing came back, AuthFailed when there is no credential (any more) to send it with.
        """
        ...


def require_success(answer: Answer, words: str = "") -> Answer:
    """The answer if its status is 2xx; else the failure that its status stands for. `words` are the provider's own."""
    if 200 <= answer.status < 300:
        return answer
    said = f" It said: {words[:_DETAIL]}" if words else ""
    raise failure_of(answer.status, f"The provider answered {answer.status}.{said}")


def failure_of(status: int, detail: str, *, after: float | None = None) -> ConnectorFailed:
    """The failure that a status stands for, where a provider does not say more."""
    if status in _BY_STATUS:
        return _BY_STATUS[status](detail, status=status, after=after)
    if status >= 500:
        return Transient(detail, status=status, after=after)
    return Rejected(detail, status=status) if status >= 400 else Unexpected(detail, status=status)


_BY_STATUS: Mapping[int, type[ConnectorFailed]] = {
    401: AuthFailed,
    403: NotPermitted,
    404: Missing,
    408: Transient,
    409: Conflict,
    410: Missing,
    412: Conflict,
    425: Transient,
    429: RateLimited,
}
