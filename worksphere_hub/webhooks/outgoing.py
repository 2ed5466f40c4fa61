"""PURE: from deliveries to the request that carries them."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import msgspec

from worksphere_hub import __version__
from worksphere_hub.events.models import public_id
from worksphere_hub.security import encrypted_body
from worksphere_hub.security.signing import sign
from worksphere_hub.webhooks import shape
from worksphere_hub.webhooks.destinations.destination import Destination, Letter, Ready
from worksphere_hub.webhooks.models import Claim
from worksphere_hub.webhooks.shape import ShapeFailed
from worksphere_hub.webhooks.targets import Target

USER_AGENT = f"WorkSphere-Hub/{__version__}"
REDACTED = "(not recorded)"
_PROOFS = frozenset({"authorization", "x-amz-security-token"})


@dataclass(slots=True)
class Sorted:
    """Deliveries of one endpoint: those to send with their bodies, those not wanted, and those whose shaping failed."""

    ready: list[tuple[Claim, bytes]]
    filtered: list[Claim]
    failed: list[tuple[Claim, ShapeFailed]]


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: its headers as sent, the same as they may be recorded (JSON), and its body.

    `method` and `url` are the destination's; None where they are the endpoint's own.
    """

    headers: dict[str, str]
    recorded_headers: str
    body: bytes
    batch_id: str | None = None
    method: str | None = None
    url: str | None = None


def sort(target: Target, job: list[Claim]) -> Sorted:
    """Apply the endpoint's filter and shape to each delivery by itself, so that one's failure is only its own."""
    found = Sorted([], [], [])
    for claim in job:
        assert claim.body is not None
        try:
            body = shaped(target, claim.event, claim.event_key, claim.body)
        except ShapeFailed as failure:
            found.failed.append((claim, failure))
        else:
            if body is None:
                found.filtered.append(claim)
            else:
                found.ready.append((claim, body))
    return found


def shaped(target: Target, event: UUID, key: str | None, body: bytes) -> bytes | None:
    """The body that an endpoint gets for a message; None when its filter does not want it. Raises ShapeFailed."""
    if target.shape is None:
        return body
    if not shape.passes(target.shape, body):
        return None
    return shape.outgoing(target.shape, body, public_id(event, key))


def compose(
    target: Target, ready: list[tuple[Claim, bytes]], now: datetime, *, batch: bool, authorization: str | None
) -> Message:
    """Write the request: one message, or a JSON array of them."""
    timestamp = int(now.timestamp())
    if target.destination is not None:
        ((claim, body),) = ready
        return _carried(target, target.destination, claim, body, now, target.ready or authorization)
    if not batch:
        ((claim, body),) = ready
        return pack(target, public_id(claim.event, claim.event_key), body, timestamp, authorization=authorization)
    messages = [(public_id(claim.event, claim.event_key), body) for claim, body in ready]
    batch_id = shape.batch_id([one for one, _ in messages])
    made = pack(target, batch_id, shape.batch_body(messages), timestamp, authorization=authorization)
    return replace(made, batch_id=batch_id)


def pack(target: Target, message_id: str, body: bytes, timestamp: int, *, authorization: str | None = None) -> Message:
    """Encrypt or compress a body as its receiver wants it, and sign it.

    What is signed is what is sent: a receiver can tell a forgery before it unpacks or decrypts anything.
    """
    body, content_type = _encrypted(target, body)
    plain = target.shape is None or target.shape.compression is None
    if not plain:
        body = shape.compressed(body)
    signature = sign(target.keys, message_id, timestamp, body, target.asymmetric_keys)
    own = {
        "content-type": content_type,
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    if plain and not target.headers and authorization is None:
        return Message(own, _plain_record(content_type, message_id, timestamp, signature), body)
    headers = {name.lower(): value for name, value in target.headers} | own
    if not plain:
        headers["content-encoding"] = "gzip"
    recorded = list(headers.items())
    if authorization is not None:
        headers["authorization"] = authorization
        recorded.append(("authorization", REDACTED))
    return Message(headers, msgspec.json.encode(recorded).decode(), body)


def _carried(
    target: Target, destination: Destination, claim: Claim, body: bytes, now: datetime, ready: Ready
) -> Message:
    """The same message as a destination carries it: signed likewise, so that its readers verify it likewise."""
    body, _ = _encrypted(target, body)
    message_id, timestamp = public_id(claim.event, claim.event_key), int(now.timestamp())
    own = {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(target.keys, message_id, timestamp, body, target.asymmetric_keys),
    }
    made = destination.request(Letter(claim.event, message_id, body, own, claim.lane), ready, now)
    headers = {"user-agent": USER_AGENT, **made.headers}
    recorded = [(name, REDACTED if name in _PROOFS else value) for name, value in headers.items()]
    return Message(headers, msgspec.json.encode(recorded).decode(), made.body, None, made.method, made.url)


def _encrypted(target: Target, body: bytes) -> tuple[bytes, str]:
    """The body as its receiver wants it, and what it is then."""
    if target.receiver_key is None:
        return body, "application/json"
    return encrypted_body.encrypt(target.receiver_key, body), encrypted_body.CONTENT_TYPE


def _plain_record(content_type: str, message_id: str, timestamp: int, signature: str) -> str:
    # Every part is of an alphabet that JSON takes as it is.
    return (
        f'[["content-type","{content_type}"],["user-agent","{USER_AGENT}"],["webhook-id","{message_id}"],'
        f'["webhook-timestamp","{timestamp}"],["webhook-signature","{signature}"]]'
    )
