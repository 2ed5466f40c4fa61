"""PURE: from what a provider sent to the event that is published, and what to do when that fails."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import msgspec

from worksphere_hub import ids
from worksphere_hub.errors import HubError
from worksphere_hub.events import grammar
from worksphere_hub.events.message import EventInput, message_body, prepare
from worksphere_hub.events.models import NewEvent
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.inbound.models import Claim, Fact, Outcome
from worksphere_hub.inbound.schemes.pointer import read_json
from worksphere_hub.inbound.schemes.scheme import text_at
from worksphere_hub.inbound.settings import InboundSettings

RECEIVED_TYPE = "hub.inbound.received"
OWN_PREFIX = "hub."

_NOT_IN_A_TYPE = re.compile(r"[^A-Za-z0-9_.]+")


class NotPublishable(Exception):
    """No event can be made of this message as its source is now; says why, for its owner."""

    def __init__(self, why: str, *, state: str = "failed") -> None:
        self.why = why
        self.state = state
        super().__init__(why)


_decode = msgspec.json.Decoder(EventInput).decode


def event_of(claim: Claim, now: datetime, body_limit: int) -> NewEvent:
    """The event that a message becomes by its source's route. Raises NotPublishable.

    The provider's event id, or else the message's own, is its idempotency claim: however often a message is processed,
    it is published once. Having it processed again on purpose is a claim of its own.
    """
    if claim.route is None:
        raise NotPublishable("source_gone: the source was deleted before this was processed.", state="ignored")
    if claim.route == "endpoint" and claim.endpoint is None:
        raise NotPublishable("endpoint_gone: the endpoint was deleted. Give the source another, then replay.")
    if claim.route == "publish":
        return _published(claim, now, body_limit)
    if claim.route == "sync":
        event_type, data = RECEIVED_TYPE, _notice(claim)
    else:
        event_type, data = _event_type(claim), _data(claim)
    content = _Content(event_type, claim.received_at, data)
    return _event(claim, content, (claim.provider_event_id or claim.id.hex, claim.id.bytes), now, body_limit)


def event_of_fact(claim: Claim, fact: Fact, now: datetime, body_limit: int) -> NewEvent:
    """The event that one of a message's facts becomes, for the route `connector`. Raises NotPublishable.

    A fact that has an id of its provider's is published once, whichever message it comes in.
    """
    told = fact.told
    event_type = ".".join(filter(None, _NOT_IN_A_TYPE.sub("_", told.type).split(".")))
    if not grammar.is_event_type(event_type) or event_type.startswith(OWN_PREFIX):
        raise NotPublishable(f"no_event_type: {told.type[:100]!r} is none. {grammar.TYPE_RULE}")
    record = None if told.stream is None else {"stream": told.stream, "key": told.key}
    data = msgspec.json.encode(
        {
            "connection_id": None if fact.connection is None else ids.encode("con", fact.connection),
            "instance_id": None if claim.instance is None else ids.encode("inst", claim.instance),
            "account": told.account,
            "record": record,
            "data": told.data,
        }
    )
    content = _Content(event_type, told.occurred_at or claim.received_at, data)
    if told.id is not None:
        return _event(claim, content, (told.id, told.id.encode()), now, body_limit)
    identity = f"{claim.provider_event_id or claim.id.hex}#{fact.number}"
    return _event(claim, content, (identity, claim.id.bytes), now, body_limit)


def _published(claim: Claim, now: datetime, body_limit: int) -> NewEvent:
    """What the message itself says is to be published. One with an id of its own is published once for good."""
    try:
        given = _decode(claim.body)
        event = prepare(given, claim.org, now, EventSettings(body_limit=body_limit))
    except msgspec.MsgspecError as error:
        # No value is quoted, only paths and what was expected there.
        raise NotPublishable(f"invalid_event: {str(error)[:300]}.") from None
    except HubError as refused:
        raise NotPublishable(f"{refused.code}: {refused.detail}") from None
    identity = claim.provider_event_id or claim.id.hex
    once = ("event", _claim_key(claim, identity), hashlib.sha256(claim.body).digest())
    return replace(event, claims=(*event.claims, once))


class _Content(NamedTuple):
    type: str
    occurred_at: datetime
    data: bytes


def _event(claim: Claim, content: _Content, identity: tuple[str, bytes], now: datetime, body_limit: int) -> NewEvent:
    """`identity` is what is published once, and what tells it from another that would come under the same name."""
    body = message_body(*content)
    if len(body) > body_limit:
        raise NotPublishable(f"event_too_large: as an event it has {len(body)} bytes; the limit is {body_limit}.")
    return NewEvent(
        org=claim.org,
        id=ids.new_hex(),
        key=None,
        type=content.type,
        body=body,
        occurred_at=content.occurred_at,
        accepted_at=now,
        claims=(("event", _claim_key(claim, identity[0]), hashlib.sha256(identity[1]).digest()),),
        only_endpoint=claim.endpoint,
    )


def after_failure(claim: Claim, why: str, settings: InboundSettings) -> Outcome:
    """Another attempt after a wait that doubles, until there were enough."""
    if claim.attempts >= settings.tries:
        return Outcome(claim, "failed", error=why)
    wait = settings.retry_wait * 2 ** (claim.attempts - 1)
    return Outcome(claim, "received", delay=min(wait, settings.retry_wait_limit), error=why)


def _event_type(claim: Claim) -> str:
    where = claim.event_type_from
    if where is not None:
        told = _told(claim, where.get("header"), where.get("pointer"))
        found = where["prefix"] + ".".join(filter(None, _NOT_IN_A_TYPE.sub("_", told or "").split(".")))
        if grammar.is_event_type(found):
            return found
    if claim.event_type is None:
        place = where and (where.get("header") or where.get("pointer"))
        raise NotPublishable(f"no_event_type: nothing at {place} that could be one, and the source has no other.")
    return claim.event_type


def _told(claim: Claim, header: str | None, pointer: str | None) -> str | None:
    if pointer is not None:
        return text_at(claim.body, pointer)
    return next((value for name, value in claim.headers if name == (header or "").lower()), None)


def _data(claim: Claim) -> bytes:
    """The provider's JSON as the very bytes that came; anything else wrapped."""
    content_type = _told(claim, "content-type", None)
    kind = (content_type or "").partition(";")[0].strip().lower()
    is_called_json = kind.endswith(("/json", "+json"))
    if (is_called_json or claim.body.lstrip()[:1] in {b"{", b"["}) and _is_json(claim.body):
        return claim.body.strip()
    wrapped = {"content_type": content_type, "body_base64": base64.b64encode(claim.body).decode()}
    return msgspec.json.encode({**wrapped, "query": claim.query} if claim.query else wrapped)


def _is_json(body: bytes) -> bool:
    return read_json(body) is not None or body.strip() == b"null"


def _notice(claim: Claim) -> bytes:
    """What a sync is told: which message to take up, and nothing of what is in it."""
    return msgspec.json.encode(
        {
            "source_id": ids.encode("ins", claim.source),
            "message_id": ids.encode("inm", claim.id),
            "provider_event_id": claim.provider_event_id,
        }
    )


def _claim_key(claim: Claim, identity: str) -> str:
    text = f"{claim.source.hex}\n{claim.replays}\n{identity}"
    return f"inbound:{hashlib.sha256(text.encode()).hexdigest()}"
