"""The HTTP door of retention, and of removing one message."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.events import grammar
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.webhooks import retention, views
from worksphere_hub.webhooks.retention import Retention
from worksphere_hub.webhooks.schemas import EventOut
from worksphere_hub.webhooks.services import Services

router = APIRouter(prefix="/v1", route_class=StrictRoute)

Reader = Annotated[Principal, Depends(requires("organizations:read"))]
Writer = Annotated[Principal, Depends(requires("organizations:write"))]
Expunger = Annotated[Principal, Depends(requires("payloads:expunge"))]
_Days = Annotated[int, Field(ge=1, le=3650)]


class RetentionIn(BaseModel):
    """How many days messages, and what became of them, are to be kept."""

    model_config = ConfigDict(extra="forbid")
    payload_days: _Days
    attempt_days: _Days


class RetentionOut(BaseModel):
    """How many days messages, and what became of them, are kept."""

    payload_days: int
    attempt_days: int
    own: bool = Field(description="False: it is the deployment's default.")


class ErasureIn(BaseModel):
    """Whose events are to be erased."""

    model_config = ConfigDict(extra="forbid")
    attribute: str = Field(min_length=1, max_length=500, description="An indexed attribute: `data.customer.id`.")
    # Longer ones are indexed by their first 256 characters: they would find other people's too.
    value: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]*$")
    dry_run: bool = Field(default=False, description="Only count.")


class ErasureOut(BaseModel):
    """What an erasure came to."""

    found: int
    erased: int
    left: int


@router.get("/retention", tags=["retention"])
async def get_retention(request: Request, principal: Reader) -> RetentionOut:
    """Show how long the organization's events are kept."""
    services = _services(request)
    async with services.database.tenant(principal.org) as tx:
        return _out(await retention.find(tx, principal.org, services.settings))


@router.put("/retention", tags=["retention"])
async def set_retention(request: Request, principal: Writer, wanted: RetentionIn) -> RetentionOut:
    """Decide how long the organization's events are kept. What is older is removed within the hour."""
    return _out(await retention.change(_services(request), principal, wanted.payload_days, wanted.attempt_days))


@router.delete("/events/{event_id}/payload", tags=["events"])
async def expunge_payload(request: Request, principal: Expunger, event_id: str) -> EventOut:
    """Remove an event's message for good. What is still to be delivered is called off; the record stays."""
    event = await retention.expunge(_services(request), principal, event_id)
    return views.event_out(event, with_data=False)


@router.post("/privacy/erasures", tags=["retention"])
async def erase_subject(request: Request, principal: Expunger, wanted: ErasureIn) -> ErasureOut:
    """Remove the messages of all events that have a value at an indexed attribute: those about one person, say.

    The oldest 1,000 go; `left` says whether to ask again. What they said goes from events, from what receivers
    answered, from the search index and from inbound messages; that they were, and where they were delivered to, stays.
    Events from before the attribute was indexed are not found.
    """
    if not grammar.is_attribute(wanted.attribute):
        message = "must be the path of an indexed attribute, e.g. data.customer.id"
        raise InvalidInput(f"attribute {message}.", problems=[FieldProblem("attribute", message)])
    services, attribute = _services(request), (wanted.attribute, wanted.value)
    done = await retention.erase(services, principal, attribute, dry_run=wanted.dry_run)
    return ErasureOut(found=done.found, erased=done.erased, left=done.left)


def _out(found: Retention) -> RetentionOut:
    return RetentionOut(payload_days=found.payload_days, attempt_days=found.attempt_days, own=found.own)


def _services(request: Request) -> Services:
    return request.state.webhooks
