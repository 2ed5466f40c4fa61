"""The HTTP door of attempts: of one endpoint, or of all."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.db.pool import Row
from worksphere_hub.http.paging import Page, Paged, encode_cursor
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.webhooks import attempt_search, endpoints, views
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.schemas import AttemptOut
from worksphere_hub.webhooks.services import Services

router = APIRouter(prefix="/v1", tags=["attempts"], route_class=StrictRoute)

_LAST = UUID(int=2**128 - 1)
_STATUS = r"^([1-5]xx|[1-5][0-9][0-9])$"
Reader = Annotated[Principal, Depends(requires("endpoints:read"))]


class AttemptSearch:
    """What attempts are wanted: of an outcome, of a status or a class of them, with a cause, begun in a time."""

    __slots__ = ("wanted",)

    def __init__(
        self,
        outcome: Annotated[
            attempt_search.Outcome | None,
            Query(
                description="delivered: 2xx; refused: another status; failed: no answer; undelivered: either of those."
            ),
        ] = None,
        status: Annotated[str | None, Query(pattern=_STATUS, description="404, or a class such as 5xx.")] = None,
        error_cause: Annotated[
            str | None, Query(max_length=40, pattern="^[a-z_]+$", description="timeout, dns, reset, ...")
        ] = None,
        since: Annotated[AwareDatetime | None, Query(description="Begun at this time or later.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Begun before this time.")] = None,
    ) -> None:
        statuses = (int(status.replace("x", "0")), int(status.replace("x", "9"))) if status else None
        bounds = (ids.floor(until) if until else _LAST, ids.floor(since) if since else UUID(int=0))
        self.wanted = attempt_search.AttemptSearch(bounds, outcome, statuses, error_cause)


Search = Annotated[AttemptSearch, Depends(AttemptSearch)]


@router.get("/webhook-endpoints/{endpoint_id}/attempts")
async def list_endpoint_attempts(
    request: Request,
    principal: Reader,
    endpoint_id: str,
    page: Paged,
    search: Search,
) -> Page[AttemptOut]:
    """List a receiver's attempts, newest first, each with its request, response, timing and cause of failure.

    A page may have fewer attempts than its limit and not be the last: see `next_cursor`.
    """
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound)
    async with _services(request).database.search(principal.org) as tx:
        await endpoints.find(tx, principal.org, endpoint)
        rows, onward = await attempt_search.page(
            tx, principal.org, search.wanted, page.after_id(), page.limit, endpoint
        )
    return _page(rows, onward, principal)


@router.get("/attempts")
async def list_attempts(request: Request, principal: Reader, page: Paged, search: Search) -> Page[AttemptOut]:
    """List the attempts at all receivers, newest first; `outcome=undelivered` is what went wrong.

    A page may have fewer attempts than its limit and not be the last: see `next_cursor`.
    """
    async with _services(request).database.search(principal.org) as tx:
        rows, onward = await attempt_search.page(tx, principal.org, search.wanted, page.after_id(), page.limit)
    return _page(rows, onward, principal)


def _page(rows: Sequence[Row], onward: UUID | None, principal: Principal) -> Page[AttemptOut]:
    with_payload = principal.may("payloads:read")
    return Page(
        data=[views.attempt_out(row, with_payload=with_payload) for row in rows],
        next_cursor=encode_cursor([onward.hex]) if onward else None,
    )


def _services(request: Request) -> Services:
    return request.state.webhooks
