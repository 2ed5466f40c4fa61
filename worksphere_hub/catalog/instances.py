"""Install integrations, change what is installed, and take it away."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import instance_settings, listings, manifests
from worksphere_hub.catalog.errors import (
    InstanceExists,
    InstanceNotFound,
    InstanceStopped,
    IntegrationNotFound,
    ListingNotFound,
    NotPublished,
    PermissionsChanged,
    TooManyInstances,
)
from worksphere_hub.catalog.models import Instance, Integration
from worksphere_hub.catalog.schemas import InstanceUpdate
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, instance_of, integration_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Transaction
from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.events.emit import emit
from worksphere_hub.sdk.manifest.manifest import Manifest

_TAKEN = "integration_instances_org_id_name_environment_key"


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance to make. `digest` is of the manifest that was shown, where it was."""

    name: str | None = None
    environment: str = "production"
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    enable: bool = True
    digest: str | None = None


async def install(catalog: Catalog, principal: Principal, named: str, wanted: Wanted) -> Instance:
    """Install the newest version that a listing offers."""
    async with catalog.database.tenant(principal.org) as tx:
        listing = await listings.find(tx, principal.org, named)
        row = await tx.row(QUERIES.integration_by_id, listing.org, listing.integration)
        if row is None or listing.unlisted or row["state"] != "published":
            raise NotPublished("This listing is not offered any more.")
        integration = integration_of(row)
        if wanted.digest not in {None, integration.digest.hex()}:
            raise PermissionsChanged("Another version was published since. Look at the listing again, then install it.")
        # The public listing is one of the hub's own organization; who installs it learns nothing by a foreign key.
        gone = ListingNotFound()
        return await _insert(tx, catalog, principal, (integration, row["manifest"], listing.id, gone), wanted)


async def create(catalog: Catalog, principal: Principal, integration_id: UUID, wanted: Wanted) -> Instance:
    """Make an instance of an integration of one's own, a draft of one too: it is tried out like this."""
    async with catalog.database.tenant(principal.org) as tx:
        row = await tx.row(QUERIES.integration_by_id, principal.org, integration_id)
        if row is None:
            raise IntegrationNotFound
        integration = integration_of(row)
        if integration.state == "withdrawn":
            raise NotPublished(f"{integration.version} was withdrawn. Take another version.")
        listing = await listings.of_slug(tx, principal.org, integration.slug)
        listing_id = None if listing is None else listing.id
        gone = IntegrationNotFound()
        return await _insert(tx, catalog, principal, (integration, row["manifest"], listing_id, gone), wanted)


async def change(catalog: Catalog, principal: Principal, instance_id: UUID, wanted: InstanceUpdate) -> Instance:
    """Change the fields that were given. Settings of an enabled instance have to be sound."""
    given = wanted.model_dump(exclude_unset=True)
    async with catalog.database.tenant(principal.org) as tx:
        before = await locked(tx, principal.org, instance_id)
        if "settings" in given and before.status == "enabled":
            await require_sound(tx, before.integration, given["settings"])
        now: dict[str, Any] = {"name": before.name, "environment": before.environment, "settings": before.settings}
        now |= {"pinned": before.pinned}
        after = now | given
        with translated({_TAKEN: _taken(after["name"], after["environment"])}):
            await tx.run(QUERIES.update_instance, principal.org, instance_id, *after.values())
        changes = {name: [now[name], after[name]] for name in now if now[name] != after[name]}
        if changes:
            await _audit(tx, principal, "instance.updated", before, changes)
        return await find(tx, principal.org, instance_id)


async def set_status(catalog: Catalog, principal: Principal, instance_id: UUID, status: str) -> Instance:
    """Enable or disable an instance. It is enabled only with sound settings, and not while its version is stopped."""
    async with catalog.database.tenant(principal.org) as tx:
        before = await locked(tx, principal.org, instance_id)
        if status == "enabled":
            if before.integration.stopped:
                raise InstanceStopped(
                    f"{before.integration.version} was stopped: {before.integration.withdrawn_reason}"
                )
            await require_sound(tx, before.integration, before.settings)
        if before.status == status:
            return before
        await tx.run(QUERIES.set_instance_status, principal.org, instance_id, status)
        await _audit(tx, principal, f"instance.{status}", before, {"status": [before.status, status]})
        return await find(tx, principal.org, instance_id)


async def check(
    catalog: Catalog, principal: Principal, instance_id: UUID, settings: dict[str, Any] | None
) -> tuple[FieldProblem, ...]:
    """What is wrong with an instance's settings, or with others that it might get."""
    async with catalog.database.tenant(principal.org) as tx:
        found = await find(tx, principal.org, instance_id)
        manifest = await manifest_of(tx, found.integration)
    return await asyncio.to_thread(
        instance_settings.problems, manifest, found.settings if settings is None else settings
    )


async def uninstall(catalog: Catalog, principal: Principal, instance_id: UUID) -> None:
    """Delete an instance with everything that was shown as the consequence."""
    org = principal.org
    async with catalog.database.tenant(org) as tx:
        before = await locked(tx, org, instance_id)
        gone = await tx.row(QUERIES.consequence, org, instance_id)
        assert gone is not None
        await tx.run(QUERIES.delete_syncs_of_instance, org, instance_id)
        await tx.run(QUERIES.delete_instance, org, instance_id)
        changes = {"name": [before.name, None], **{name: [count, 0] for name, count in gone.items()}}
        await _audit(tx, principal, "instance.uninstalled", before, changes)
        await emit(tx, org, "hub.integration.uninstalled", about(before))


async def find(tx: Transaction, org: UUID, instance_id: UUID) -> Instance:
    """One instance."""
    row = await tx.row(QUERIES.instance_by_id, org, instance_id)
    if row is None:
        raise InstanceNotFound
    return instance_of(row)


async def locked(tx: Transaction, org: UUID, instance_id: UUID) -> Instance:
    """One instance, locked until the transaction ends."""
    if not await tx.value(QUERIES.lock_instance, org, instance_id):
        raise InstanceNotFound
    return await find(tx, org, instance_id)


async def manifest_of(tx: Transaction, integration: Integration) -> Manifest:
    """The manifest of a version that one may read."""
    found = manifests.known(integration.digest)
    if found is None:
        document = await tx.value(QUERIES.manifest_of, integration.org, integration.id)
        found = manifests.stored(integration.digest, document)
    return found


async def require_sound(tx: Transaction, integration: Integration, settings: dict[str, Any]) -> None:
    """Raise InvalidSettings with what is wrong."""
    manifest = await manifest_of(tx, integration)
    await asyncio.to_thread(instance_settings.require, manifest, settings)


def about(instance: Instance) -> dict[str, object]:
    """What an event says of an instance."""
    return {
        "instance_id": ids.encode("inst", instance.id),
        "name": instance.name,
        "environment": instance.environment,
        "slug": instance.integration.slug,
        "version": instance.integration.version,
    }


async def _insert(
    tx: Transaction,
    catalog: Catalog,
    principal: Principal,
    what: tuple[Integration, Any, UUID | None, HubError],
    wanted: Wanted,
) -> Instance:
    integration, document, listing, gone = what
    manifest = manifests.stored(integration.digest, document)
    if wanted.enable:
        await asyncio.to_thread(instance_settings.require, manifest, wanted.settings)
    name = wanted.name or integration.name
    limit = catalog.settings.instance_limit
    columns = (integration.org, integration.id, listing, name, wanted.environment, wanted.settings)
    status = "enabled" if wanted.enable else "draft"
    with translated({_TAKEN: _taken(name, wanted.environment), "require_installable": gone}):
        made: UUID | None = await tx.value(
            QUERIES.insert_instance, principal.org, ids.new(), *columns, status, principal.public_id, limit
        )
    if made is None:
        raise TooManyInstances(f"An organization may have {limit} instances. Uninstall those that are not used.")
    instance = await find(tx, principal.org, made)
    await _audit(tx, principal, "instance.installed", instance, {"version": [None, integration.version]})
    await emit(tx, principal.org, "hub.integration.installed", about(instance))
    return instance


def _taken(name: str, environment: str) -> InstanceExists:
    return InstanceExists(f"There is an instance {name} in {environment}. Choose another name or environment.")


async def _audit(
    tx: Transaction, principal: Principal, action: str, instance: Instance, changes: audit.Changes
) -> None:
    target = ids.encode("inst", instance.id)
    noted = {"slug": [instance.integration.slug, instance.integration.slug], **changes}
    await audit.record(tx, principal, action, target_kind="instance", target_id=target, changes=noted)
