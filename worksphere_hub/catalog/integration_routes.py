"""The HTTP door of an organization's own integrations."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.catalog import integrations, manifests, views
from worksphere_hub.catalog.errors import IntegrationNotFound
from worksphere_hub.catalog.market_schemas import AuthType
from worksphere_hub.catalog.models import State
from worksphere_hub.catalog.schemas import (
    IntegrationCreate,
    IntegrationOut,
    IntegrationUpdate,
    IntegrationWithManifest,
    Verdict,
    Withdrawal,
    Withdrawn,
)
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, integration_of
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.sdk.quality import judge

router = APIRouter(prefix="/v1/integrations", tags=["integrations"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("integrations:read"))]
Writer = Annotated[Principal, Depends(requires("integrations:write"))]
Word = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,63}$")]


def _filters(
    slug: Word = None,
    category: Word = None,
    auth_type: Annotated[AuthType | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
) -> tuple[str | None, ...]:
    return slug, category, auth_type, state


@router.post("", status_code=201)
async def create_integration(request: Request, principal: Writer, wanted: IntegrationCreate) -> IntegrationOut:
    """Register an integration, or a new version of one, as a draft: it can be changed until it is published."""
    return views.integration_out(await integrations.create(_catalog(request), principal, wanted.manifest))


@router.post("/validate")
async def validate_manifest(_principal: Reader, wanted: IntegrationCreate) -> Verdict:
    """Tell everything that is wrong with a manifest, at once. Nothing is stored."""
    checked = await asyncio.to_thread(manifests.check, wanted.manifest)
    return Verdict(
        valid=checked.manifest is not None,
        problems=[views.problem_out(each) for each in checked.problems],
        digest=checked.digest.hex(),
        tier=None if checked.manifest is None else judge(checked.manifest).tier,
    )


@router.get("")
async def list_integrations(
    request: Request,
    principal: Reader,
    page: Paged,
    filters: Annotated[tuple[str | None, ...], Depends(_filters)],
) -> Page[IntegrationOut]:
    """List the organization's own integrations, each version for itself, newest first."""
    async with _catalog(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_integrations, principal.org, page.after_id(), *filters, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.integration_out(integration_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{integration_id}")
async def get_integration(request: Request, principal: Reader, integration_id: str) -> IntegrationWithManifest:
    """Show one version with its manifest."""
    found = ids.decode("int", integration_id, IntegrationNotFound)
    async with _catalog(request).database.tenant(principal.org) as tx:
        return views.integration_with_manifest(*await integrations.find(tx, principal.org, found))


@router.patch("/{integration_id}")
async def update_integration(
    request: Request, principal: Writer, integration_id: str, wanted: IntegrationUpdate
) -> IntegrationOut:
    """Give a draft another manifest."""
    found = ids.decode("int", integration_id, IntegrationNotFound)
    changed = await integrations.change(_catalog(request), principal, found, wanted.manifest, wanted.digest)
    return views.integration_out(changed)


@router.post("/{integration_id}/publish")
async def publish_integration(request: Request, principal: Writer, integration_id: str) -> IntegrationOut:
    """Publish a draft: it never changes from then on. Where the integration is listed, this version is offered now."""
    found = ids.decode("int", integration_id, IntegrationNotFound)
    return views.integration_out(await integrations.publish(_catalog(request), principal, found))


@router.post("/{integration_id}/withdraw")
async def withdraw_integration(
    request: Request, principal: Writer, integration_id: str, wanted: Withdrawal
) -> Withdrawn:
    """Withdraw a version, for good: nobody installs it any more, whoever has it is told, and `stop` stops it there."""
    found = ids.decode("int", integration_id, IntegrationNotFound)
    after, told = await integrations.withdraw(_catalog(request), principal, found, wanted.reason, stop=wanted.stop)
    return Withdrawn(**views.integration_fields(after), instances=told)


@router.delete("/{integration_id}", status_code=204)
async def delete_integration(request: Request, principal: Writer, integration_id: str) -> Response:
    """Delete a draft, or a version that is neither installed nor listed."""
    await integrations.delete(_catalog(request), principal, ids.decode("int", integration_id, IntegrationNotFound))
    return Response(status_code=204)


def _catalog(request: Request) -> Catalog:
    return request.state.catalog
