"""The HTTP door of pull endpoints: fetch messages, acknowledge them."""

import base64
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.events.models import public_id
from worksphere_hub.http.paging import Page, Paged, encode_cursor
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.webhooks import pull
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.names import delivery_id, parse_delivery_id
from worksphere_hub.webhooks.pull import Acknowledgement, Fetched
from worksphere_hub.webhooks.services import Services

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["pull endpoints"], route_class=StrictRoute)

Puller = Annotated[Principal, Depends(requires("deliveries:pull"))]


class MessageOut(BaseModel):
    """A message as it would have been sent: verify `headers` and `body` like a webhook's."""

    delivery_id: str
    event_id: str
    event_type: str
    headers: dict[str, str]
    body: str | None = Field(description="Exactly what is signed; null with an `error`.")
    encoding: Literal["utf-8", "base64"] = Field(description="base64 where the body is compressed.")
    error: str | None = Field(description="Why there is no body: expunged, filter_failed or transform_failed.")


class MessageDone(BaseModel):
    """How a message was dealt with."""

    model_config = ConfigDict(extra="forbid")
    delivery_id: Annotated[str, Field(max_length=80)]
    status: Annotated[int | None, Field(ge=100, le=599, description="What your own handler answered.")] = None
    error: Annotated[str | None, Field(min_length=1, max_length=500, pattern=r"^[^\x00]*$")] = None
    duration_ms: Annotated[int, Field(ge=0, le=86_400_000)] = 0


class Acknowledge(BaseModel):
    """Messages that were dealt with. Without a status or an error: well."""

    model_config = ConfigDict(extra="forbid")
    messages: Annotated[list[MessageDone], Field(min_length=1, max_length=1000)]


class Acknowledged(BaseModel):
    """How many of them were still to be dealt with."""

    acknowledged: int


@router.get("/{endpoint_id}/messages")
async def fetch_messages(
    request: Request,
    principal: Puller,
    endpoint_id: str,
    page: Paged,
    wait: Annotated[float, Query(ge=0, le=20, description="Seconds to wait for a message if there is none.")] = 0,
) -> Page[MessageOut]:
    """Fetch the oldest messages that wait for a pull endpoint.

    Without a cursor from the beginning, so that nothing that was not acknowledged is ever passed over.
    """
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    found = await pull.fetch(
        _services(request), principal, endpoint, after=page.after_id(), limit=page.limit, wait=wait
    )
    cursor = encode_cursor([found[-1].event.hex]) if found else None
    return Page(data=[_message_out(each, endpoint) for each in found], next_cursor=cursor)


@router.post("/{endpoint_id}/messages/acknowledge")
async def acknowledge_messages(
    request: Request, principal: Puller, endpoint_id: str, done: Acknowledge
) -> Acknowledged:
    """Say that messages have been dealt with: they are not given out again."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    given = [
        Acknowledgement(parse_delivery_id(each.delivery_id)[0], each.status, each.error, each.duration_ms)
        for each in done.messages
    ]
    unique = list({each.event: each for each in given}.values())
    return Acknowledged(acknowledged=await pull.acknowledge(_services(request), principal, endpoint, unique))


def _message_out(message: Fetched, endpoint: UUID) -> MessageOut:
    packed = "content-encoding" in message.headers
    return MessageOut(
        delivery_id=delivery_id(message.event, endpoint),
        event_id=public_id(message.event, message.event_key),
        event_type=message.event_type,
        headers=message.headers,
        body=None if message.body is None else _text(message.body, packed=packed),
        encoding="base64" if packed else "utf-8",
        error=message.error,
    )


def _text(body: bytes, *, packed: bool) -> str:
    return base64.b64encode(body).decode() if packed else body.decode()


def _services(request: Request) -> Services:
    return request.state.webhooks
