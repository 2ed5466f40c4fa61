"""PURE: the one shape of every error answer (RFC 9457), and its bytes."""

import math
from dataclasses import dataclass, field

import msgspec
from pydantic import BaseModel, Field

from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.http.headers import RawHeaders

_TYPE = "urn:worksphere-hub:problem:"


class ProblemField(BaseModel):
    """One thing wrong with one field."""

    field: str = Field(description="Dotted path of the field, as sent.")
    message: str = Field(description="What is wrong with it and what to do.")


class Problem(BaseModel):
    """Every error answer of the hub."""

    type: str = Field(description="A URN made of the code.", examples=[f"{_TYPE}invalid_input"])
    title: str = Field(description="The failure in one sentence, the same at every occurrence.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What was wrong with this one request.")
    code: str = Field(description="Stable, for programs.", examples=["invalid_input"])
    request_id: str = Field(description="Quote this to the people who run the hub.")
    errors: list[ProblemField] = Field(description="The fields at fault; empty when it is not about fields.")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a problem answer says, whether it began as a `HubError` or inside the web framework."""

    code: str
    status: int
    title: str
    detail: str
    problems: tuple[FieldProblem, ...] = ()
    headers: RawHeaders = field(default_factory=RawHeaders)

    @classmethod
    def of(cls, error: HubError) -> "Refusal":
        """Read a `HubError`; its wait becomes a Retry-After in whole seconds, rounded up."""
        headers: RawHeaders = []
        if error.retry_after is not None:
            headers.append((b"retry-after", str(max(0, math.ceil(error.retry_after))).encode()))
        if error.status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        return cls(error.code, error.status, error.title(), error.detail, error.problems, headers)


def refusal_bytes(refusal: Refusal, request_id: str) -> tuple[int, RawHeaders, bytes]:
    """Write a problem answer: its status, its headers (type and length among them), its body."""
    body = msgspec.json.encode(
        {
            "type": _TYPE + refusal.code,
            "title": refusal.title,
            "status": refusal.status,
            "detail": _encodable(refusal.detail),
            "code": refusal.code,
            "request_id": request_id,
            "errors": [
                {"field": _encodable(problem.field), "message": _encodable(problem.message)}
                for problem in refusal.problems
            ],
        }
    )
    headers: RawHeaders = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *refusal.headers,
    ]
    return refusal.status, headers, body


def problem_bytes(error: HubError, request_id: str) -> tuple[int, RawHeaders, bytes]:
    """Write `error` as a problem answer for a bare ASGI handler: status, headers, body."""
    return refusal_bytes(Refusal.of(error), request_id)


def _encodable(text: str) -> str:
    # A field's name is the client's: half a surrogate pair in it must not break the answer about it.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
