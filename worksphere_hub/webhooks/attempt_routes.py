"""The HTTP door of attempts: of one endpoint, or what went wrong anywhere."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.db.pool import Row
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.webhooks import endpoints, views
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.schemas import AttemptOut
from worksphere_hub.webhooks.services import Services
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(prefix="/v1", tags=["attempts"], route_class=StrictRoute)

_LAST = UUID(int=2**128 - 1)
_STATUS = r"^([1-5]xx|[1-5][0-9][0-9])$"
Reader = Annotated[Principal, Depends(requires("endpoints:read"))]


class AttemptSearch:
    """What attempts are wanted: of a status or a class of them, with a cause of failure, begun in a stretch of time."""

    __slots__ = ("causes", "first", "last", "statuses")

    def __init__(
        self,
        status: Annotated[str | None, Query(pattern=_STATUS, description="404, or a class such as 5xx.")] = None,
        error_cause: Annotated[
            str | None, Query(max_length=40, pattern="^[a-z_]+$", description="timeout, dns, reset, ...")
        ] = None,
        since: Annotated[AwareDatetime | None, Query(description="Begun at this time or later.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Begun before this time.")] = None,
    ) -> None:
        self.statuses = (int(status.replace("x", "0")), int(status.replace("x", "9"))) if status else (None, None)
        self.causes = error_cause
        self.first = ids.floor(since) if since else UUID(int=0)
        self.last = ids.floor(until) if until else _LAST


Search = Annotated[AttemptSearch, Depends(AttemptSearch)]


@router.get("/webhook-endpoints/{endpoint_id}/attempts")
async def list_endpoint_attempts(
    request: Request,
    principal: Reader,
    endpoint_id: str,
    page: Paged,
    search: Search,
    outcome: Literal["delivered", "refused", "failed"] | None = None,
) -> Page[AttemptOut]:
    """List a receiver's attempts, newest first, each with its request, response, timing and cause of failure."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    async with _services(request).database.tenant(principal.org) as tx:
        await endpoints.find(tx, principal.org, endpoint)
        rows = await tx.rows(
            QUERIES.list_attempts_of_endpoint,
            principal.org,
            endpoint,
            min(page.after_id() or _LAST, search.last),
            page.limit + 1,
            search.first,
            outcome,
            *search.statuses,
            search.causes,
        )
    return _page(rows, page, principal)


@router.get("/attempts")
async def list_failed_attempts(request: Request, principal: Reader, page: Paged, search: Search) -> Page[AttemptOut]:
    """List the attempts at all receivers that did not deliver, newest first."""
    async with _services(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(
            QUERIES.list_failed_attempts,
            principal.org,
            min(page.after_id() or _LAST, search.last),
            search.first,
            page.limit + 1,
            *search.statuses,
            search.causes,
        )
    return _page(rows, page, principal)


def _page(rows: list[Row], page: Paged, principal: Principal) -> Page[AttemptOut]:
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    with_payload = principal.may("payloads:read")
    return Page(data=[views.attempt_out(row, with_payload=with_payload) for row in shown], next_cursor=cursor)


def _services(request: Request) -> Services:
    return request.state.webhooks
