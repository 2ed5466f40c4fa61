"""The HTTP door of what an organization has installed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.catalog import instances, upgrades, views
from worksphere_hub.catalog.errors import InstanceNotFound, IntegrationNotFound
from worksphere_hub.catalog.instances import Wanted
from worksphere_hub.catalog.schemas import (
    Checked,
    Consequence,
    InstanceCreate,
    InstanceOut,
    InstanceUpdate,
    SettingsToCheck,
    Status,
    UpgradeConfirmed,
    UpgradeOut,
)
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, instance_of
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1/instances", tags=["instances"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("integrations:read"))]
Writer = Annotated[Principal, Depends(requires("integrations:write"))]
Pauser = Annotated[Principal, Depends(requires("integrations:pause"))]
Word = Annotated[str | None, Query(pattern=r"^[a-z0-9-]{1,63}$")]


@router.post("", status_code=201)
async def create_instance(request: Request, principal: Writer, wanted: InstanceCreate) -> InstanceOut:
    """Make an instance of an integration of one's own. (Others are installed from the marketplace.)"""
    integration = ids.decode("int", wanted.integration_id, IntegrationNotFound)
    asked = Wanted(wanted.name, wanted.environment, wanted.settings, wanted.enable)
    return views.instance_out(await instances.create(_catalog(request), principal, integration, asked))


@router.get("")
async def list_instances(
    request: Request,
    principal: Reader,
    page: Paged,
    slug: Word = None,
    environment: Word = None,
    status: Annotated[Status | None, Query()] = None,
) -> Page[InstanceOut]:
    """List what is installed, newest first."""
    filters = (slug, environment, status)
    async with _catalog(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_instances, principal.org, page.after_id(), *filters, page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.instance_out(instance_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{instance_id}")
async def get_instance(request: Request, principal: Reader, instance_id: str) -> InstanceOut:
    """Show one instance."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    async with _catalog(request).database.tenant(principal.org) as tx:
        return views.instance_out(await instances.find(tx, principal.org, found))


@router.patch("/{instance_id}")
async def update_instance(request: Request, principal: Writer, instance_id: str, wanted: InstanceUpdate) -> InstanceOut:
    """Rename an instance, move it to another environment, change its settings, pin or unpin it."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await instances.change(_catalog(request), principal, found, wanted))


@router.post("/{instance_id}/validate")
async def validate_instance(request: Request, principal: Reader, instance_id: str, wanted: SettingsToCheck) -> Checked:
    """Tell what is wrong with an instance's settings, or with others that it might get. Nothing is stored."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    problems = await instances.check(_catalog(request), principal, found, wanted.settings)
    return Checked(valid=not problems, problems=[views.problem_out(each) for each in problems])


@router.post("/{instance_id}/enable")
async def enable_instance(request: Request, principal: Pauser, instance_id: str) -> InstanceOut:
    """Enable an instance, once its settings are sound."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await instances.set_status(_catalog(request), principal, found, "enabled"))


@router.post("/{instance_id}/disable")
async def disable_instance(request: Request, principal: Pauser, instance_id: str) -> InstanceOut:
    """Disable an instance: nothing goes through it until it is enabled again."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await instances.set_status(_catalog(request), principal, found, "disabled"))


@router.post("/{instance_id}/pin")
async def pin_instance(request: Request, principal: Writer, instance_id: str) -> InstanceOut:
    """Keep an instance at its version: no upgrade is done until it is unpinned."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await instances.change(_catalog(request), principal, found, InstanceUpdate(pinned=True)))


@router.post("/{instance_id}/unpin")
async def unpin_instance(request: Request, principal: Writer, instance_id: str) -> InstanceOut:
    """Let an instance be upgraded again."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await instances.change(_catalog(request), principal, found, InstanceUpdate(pinned=False)))


@router.get("/{instance_id}/upgrade")
async def show_upgrade(request: Request, principal: Reader, instance_id: str) -> UpgradeOut:
    """Show what an upgrade would ask for besides, and what it would change."""
    return await upgrades.show(_catalog(request), principal, ids.decode("inst", instance_id, InstanceNotFound))


@router.post("/{instance_id}/upgrade")
async def upgrade_instance(
    request: Request, principal: Writer, instance_id: str, wanted: UpgradeConfirmed
) -> InstanceOut:
    """Upgrade to the version that was shown, by its digest. Another one by now is refused."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    upgraded = await upgrades.confirm(_catalog(request), principal, found, wanted.digest, wanted.settings)
    return views.instance_out(upgraded)


@router.post("/{instance_id}/rollback")
async def roll_back_instance(request: Request, principal: Writer, instance_id: str) -> InstanceOut:
    """Go back to the version before the last upgrade."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    return views.instance_out(await upgrades.roll_back(_catalog(request), principal, found))


@router.get("/{instance_id}/uninstall")
async def show_uninstall(request: Request, principal: Reader, instance_id: str) -> Consequence:
    """Show what goes when an instance is uninstalled."""
    found = ids.decode("inst", instance_id, InstanceNotFound)
    async with _catalog(request).database.tenant(principal.org) as tx:
        await instances.find(tx, principal.org, found)
        row = await tx.row(QUERIES.consequence, principal.org, found)
    assert row is not None
    return views.consequence_out(row)


@router.delete("/{instance_id}", status_code=204)
async def uninstall_instance(request: Request, principal: Writer, instance_id: str) -> Response:
    """Uninstall: the instance goes with its connections, their syncs and its inbound sources."""
    await instances.uninstall(_catalog(request), principal, ids.decode("inst", instance_id, InstanceNotFound))
    return Response(status_code=204)


def _catalog(request: Request) -> Catalog:
    return request.state.catalog
