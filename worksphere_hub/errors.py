"""The base of every failure the hub states on purpose, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with one field: where (a dotted path), what, and what to do."""

    field: str
    message: str


class HubError(Exception):
    """The hub could not do this."""

    # The docstring of a subclass is its title, `code` is stable for programs, `status` is its HTTP status.
    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str | None = None,
        *,
        problems: Sequence[FieldProblem] = (),
        retry_after: float | None = None,
    ) -> None:
        """`detail` says what was wrong with this one request; `retry_after` is in seconds."""
        self.detail = detail or self.title()
        self.problems = tuple(problems)
        self.retry_after = retry_after
        super().__init__(self.detail)

    @classmethod
    def title(cls) -> str:
        """The first line of the class's docstring: the failure in one sentence."""
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class NotFound(HubError):
    """There is nothing here under this id."""

    code = "not_found"
    status = 404


class InvalidInput(HubError):
    """The request's content cannot be accepted as it is."""

    code = "invalid_input"
    status = 422


class Conflict(HubError):
    """This conflicts with something that exists already."""

    code = "conflict"
    status = 409


class Unavailable(HubError):
    """The hub cannot do this right now; nothing was stored."""

    code = "unavailable"
    status = 503
