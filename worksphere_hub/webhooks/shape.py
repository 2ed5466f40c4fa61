"""PURE: what is sent for one event at one endpoint: filtered, shaped, thin, in a batch, compressed.

All of it is a function of the message alone, `$now()` and `$random()` in an expression too (the message's timestamp,
and chance drawn from its bytes): each attempt of a delivery sends the same bytes under the same `webhook-id`.
"""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from worksphere_hub import clock
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.expressions.expression import Expression
from worksphere_hub.webhooks.errors import ShapeFailed

# Bytes of what a transform may make of one message.
RESULT_LIMIT = 1 << 20

BATCH_PREFIX = "bat_"


@dataclass(frozen=True, slots=True)
class Shape:
    """How an endpoint wants its messages. A thin one has nothing to transform: `thin` comes before `transform`."""

    filter: Expression | None = None
    transform: Expression | None = None
    thin: bool = False
    compression: Literal["gzip"] | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one message: `body` is None where nothing would be sent; `micros` it took, in us."""

    passes: bool
    body: bytes | None
    error: ShapeFailed | None
    micros: int


class _Head(msgspec.Struct):
    """What every message has beside its data, as the bytes that were written."""

    type: msgspec.Raw
    timestamp: msgspec.Raw


def passes(shape: Shape, body: bytes) -> bool:
    """Whether the endpoint wants the message `{"type","timestamp","data"}`. Raises ShapeFailed (filter_failed)."""
    if shape.filter is None:
        return True
    try:
        now, seed = _fixed(shape.filter, body)
        return shape.filter.truth_bytes(body, now=now, seed=seed)
    except ExpressionFailed as failure:
        raise ShapeFailed("filter_failed", failure.reason, f"The filter: {failure.detail}") from None


def outgoing(shape: Shape, body: bytes, message_id: str) -> bytes:
    """The JSON to send for a message: itself, its thin form or what the transform makes of it.

    Raises ShapeFailed (transform_failed), also where the transform gives nothing at all or more than 1 MiB.
    """
    try:
        if shape.thin:
            return _thin(body, message_id)
        return body if shape.transform is None else _transformed(shape.transform, body)
    except ExpressionFailed as failure:
        raise ShapeFailed("transform_failed", failure.reason, f"The transform: {failure.detail}") from None


def preview(shape: Shape, body: bytes, message_id: str) -> Preview:
    """What `passes` and `outgoing` say of a message, with the failure and the time it took."""
    begun = clock.monotonic()
    wanted, made, error = False, None, None
    try:
        wanted = passes(shape, body)
        made = outgoing(shape, body, message_id) if wanted else None
    except ShapeFailed as failure:
        error = failure
    return Preview(wanted, made, error, round((clock.monotonic() - begun) * 1_000_000))


def batch_body(messages: Sequence[tuple[str, bytes]]) -> bytes:
    """A JSON array of messages (webhook-id, body), each with its webhook-id as the member "id" before its own.

    A transformed body that is no object, or has an "id" of its own, is carried whole: `{"id": ..., "data": <body>}`.
    """
    return b"[" + b",".join([_with_id(message_id, body) for message_id, body in messages]) + b"]"


def batch_id(ids: Sequence[str]) -> str:
    """The webhook-id of a batch: the same for the same messages in the same order, so that a retry keeps it."""
    return BATCH_PREFIX + hashlib.sha256("\n".join(ids).encode()).hexdigest()[:32]


def compressed(body: bytes) -> bytes:
    """The body in gzip, the same bytes each time. The signature is over what is sent, so over these."""
    return gzip.compress(body, compresslevel=6, mtime=0)


def _thin(body: bytes, message_id: str) -> bytes:
    head = _head(body)
    member = msgspec.json.encode(message_id)
    return b'{"type":%b,"timestamp":%b,"data":{"id":%b}}' % (bytes(head.type), bytes(head.timestamp), member)


def _transformed(transform: Expression, body: bytes) -> bytes:
    now, seed = _fixed(transform, body)
    result = transform.shape_bytes(body, now=now, seed=seed)
    if result is None:
        raise ExpressionFailed("error", "It gave nothing for this message; null would be a value.")
    if len(result) > RESULT_LIMIT:
        raise ExpressionFailed("too_large", f"It gave {len(result)} bytes; {RESULT_LIMIT} are allowed.")
    return result


def _with_id(message_id: str, body: bytes) -> bytes:
    member = b'"id":' + msgspec.json.encode(message_id)
    inner = body.strip()
    try:
        members = msgspec.json.decode(inner, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return b'{%b,"data":%b}' % (member, inner)
    if "id" in members:
        return b'{%b,"data":%b}' % (member, inner)
    return b"{%b,%b" % (member, inner[1:].lstrip()) if members else b"{%b}" % member


def _fixed(expression: Expression, body: bytes) -> tuple[str | None, int | None]:
    """The time and the chance of a volatile expression, drawn from the message."""
    if not expression.volatile:
        return None, None
    return bytes(_head(body).timestamp).decode().strip('"'), int.from_bytes(hashlib.sha256(body).digest()[:6])


def _head(body: bytes) -> _Head:
    try:
        return msgspec.json.decode(body, type=_Head)
    except msgspec.MsgspecError:
        raise ExpressionFailed("input", "This is no message with a type and a timestamp.") from None
