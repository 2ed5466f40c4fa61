"""What can go wrong on the client's side of a hub, by what a program does about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field of what was sent: a dotted path, and what to do."""

    field: str
    message: str


class ClientError(Exception):
    """The base of all that this client raises about a hub."""


class Unreachable(ClientError):
    """No complete answer came, after every retry."""


class OutsideTransaction(ClientError):
    """The connection is in no transaction, so the event would not stand or fall with anything."""


class HubRefused(ClientError):
    """The hub answered with a problem: `code` is stable, `status` is HTTP's, `problems` say which fields."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        problems: Sequence[Problem] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        self.request_id = request_id
        self.retry_after = retry_after
        super().__init__(f"{code} ({status}): {detail}")


class NotAllowed(HubRefused):
    """The key is unknown, revoked, or has not the permission (401, 403)."""


class Missing(HubRefused):
    """There is nothing under this id (404, 410)."""


class Conflicting(HubRefused):
    """It conflicts with what is there already (409)."""


class Unusable(HubRefused):
    """What was sent cannot be accepted; `problems` say why (400, 413, 415, 422)."""


class TooMany(HubRefused):
    """The key's rate limit was reached, after every retry (429)."""


class HubUnavailable(HubRefused):
    """The hub cannot do this right now (5xx)."""


_KINDS: dict[int, type[HubRefused]] = {
    400: Unusable,
    401: NotAllowed,
    403: NotAllowed,
    404: Missing,
    409: Conflicting,
    410: Missing,
    413: Unusable,
    415: Unusable,
    422: Unusable,
    429: TooMany,
}


def refusal(status: int, answered: object, retry_after: float | None = None) -> HubRefused:
    """Read a problem+json document; whatever else came (a proxy's page) becomes `not_a_problem`."""
    kind = _KINDS.get(status, HubUnavailable if status >= 500 else HubRefused)
    told: Mapping[str, Any] = cast("Mapping[str, Any]", answered) if isinstance(answered, Mapping) else {}
    request_id = told.get("request_id")
    return kind(
        status,
        str(told.get("code", "not_a_problem")),
        str(told.get("detail") or told.get("title") or "The answer did not come from a hub."),
        problems=read_problems(told),
        request_id=None if request_id is None else str(request_id),
        retry_after=retry_after,
    )


def read_problems(told: Mapping[str, Any]) -> tuple[Problem, ...]:
    """The `errors` of a problem, as far as they have the shape of such."""
    listed: object = told.get("errors")
    if not isinstance(listed, list):
        return ()
    found: list[Problem] = []
    for item in cast("list[object]", listed):
        if isinstance(item, Mapping):
            one = cast("Mapping[str, Any]", item)
            found.append(Problem(str(one.get("field", "")), str(one.get("message", ""))))
    return tuple(found)
