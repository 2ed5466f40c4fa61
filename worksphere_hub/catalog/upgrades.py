"""Upgrade an instance to what was shown and agreed to, and back."""

import asyncio
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import instance_settings, instances
from worksphere_hub.catalog.difference import changes_between, difference
from worksphere_hub.catalog.errors import (
    InstancePinned,
    NothingToRollBack,
    NothingToUpgrade,
    PermissionsChanged,
)
from worksphere_hub.catalog.models import Instance, Integration
from worksphere_hub.catalog.schemas import UpgradeOut
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, integration_of
from worksphere_hub.catalog.views import problem_out
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Transaction
from worksphere_hub.events.emit import emit
from worksphere_hub.sdk.manifest.rules import order


async def show(catalog: Catalog, principal: Principal, instance_id: UUID) -> UpgradeOut:
    """What an upgrade would be: what it asks for besides, what it changes, and whether the settings still do."""
    async with catalog.database.tenant(principal.org) as tx:
        instance = await instances.find(tx, principal.org, instance_id)
        target = await _target(tx, instance)
        if target is None:
            return _nothing(instance)
        before = await instances.manifest_of(tx, instance.integration)
        after = await instances.manifest_of(tx, target)
    problems = await asyncio.to_thread(instance_settings.problems, after, instance.settings)
    return UpgradeOut(
        available=True,
        pinned=instance.pinned,
        from_version=instance.integration.version,
        to_version=target.version,
        digest=target.digest.hex(),
        difference=difference(before, after),
        changelog=changes_between(after, instance.integration.version),
        problems=[problem_out(each) for each in problems],
    )


async def confirm(
    catalog: Catalog, principal: Principal, instance_id: UUID, digest: str, settings: dict[str, Any] | None
) -> Instance:
    """Upgrade to the manifest whose digest was shown, and to no other."""
    async with catalog.database.tenant(principal.org) as tx:
        before = await instances.locked(tx, principal.org, instance_id)
        if before.pinned:
            raise InstancePinned(f"It stays at {before.integration.version}. Unpin it first.")
        target = await _target(tx, before)
        if target is None:
            raise NothingToUpgrade(f"{before.integration.version} is the newest version that is offered.")
        if target.digest.hex() != digest:
            raise PermissionsChanged(
                f"Version {target.version} is offered by now. Look at what it asks for, and confirm."
            )
        wanted = before.settings if settings is None else settings
        if before.status != "draft":
            await instances.require_sound(tx, target, wanted)
        await _move(tx, before, target, wanted, (before.integration.id, before.settings))
        return await _done(tx, principal, before, "upgraded")


async def roll_back(catalog: Catalog, principal: Principal, instance_id: UUID) -> Instance:
    """Go back to the version before the last upgrade, once, with the settings of then unless the present ones do."""
    async with catalog.database.tenant(principal.org) as tx:
        before = await instances.locked(tx, principal.org, instance_id)
        if before.previous is None:
            raise NothingToRollBack
        row = await tx.row(QUERIES.integration_by_id, before.integration.org, before.previous)
        if row is None or row["state"] == "withdrawn":
            raise NothingToRollBack("The version before was withdrawn.")
        target = integration_of(row)
        manifest = await instances.manifest_of(tx, target)
        settings = before.settings
        if await asyncio.to_thread(instance_settings.problems, manifest, settings):
            settings = before.previous_settings or {}
        await _move(tx, before, target, settings, (None, None))
        return await _done(tx, principal, before, "rolled_back")


async def _target(tx: Transaction, instance: Instance) -> Integration | None:
    """The newest version that is offered, if it is newer; the same for a draft, which is the newest there is."""
    row = await tx.row(QUERIES.newest_published, instance.integration.org, instance.integration.slug)
    if row is None or order(row["version"]) <= order(instance.integration.version):
        return None
    return integration_of(row)


async def _move(
    tx: Transaction,
    instance: Instance,
    target: Integration,
    settings: dict[str, Any],
    previous: tuple[UUID | None, dict[str, Any] | None],
) -> None:
    # Between being shown and being moved to, a version may be withdrawn: the database looks again, and locks it.
    gone = PermissionsChanged("The version was withdrawn meanwhile. Look again.")
    with translated({"require_installable": gone}):
        await tx.run(QUERIES.move_instance, instance.org, instance.id, target.id, settings, *previous)


async def _done(tx: Transaction, principal: Principal, before: Instance, what: str) -> Instance:
    after = await instances.find(tx, principal.org, before.id)
    versions = {"version": [before.integration.version, after.integration.version]}
    target = ids.encode("inst", after.id)
    changes: audit.Changes = (
        versions if before.settings == after.settings else {**versions, "settings": _shown(before, after)}
    )
    await audit.record(tx, principal, f"instance.{what}", target_kind="instance", target_id=target, changes=changes)
    told = {**instances.about(after), "from_version": before.integration.version}
    await emit(tx, principal.org, f"hub.integration.{what}", told)
    return after


def _shown(before: Instance, after: Instance) -> list[object]:
    return [before.settings, after.settings]


def _nothing(instance: Instance) -> UpgradeOut:
    return UpgradeOut(
        available=False,
        pinned=instance.pinned,
        from_version=instance.integration.version,
        to_version=None,
        digest=None,
        difference=None,
        changelog=[],
        problems=[],
    )
