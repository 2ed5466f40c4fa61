"""Define integrations: drafts that change, versions that do not, and their end."""

import asyncio
from typing import Any
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.catalog import listings, manifests
from worksphere_hub.catalog.errors import (
    IntegrationFixed,
    IntegrationInUse,
    IntegrationNotFound,
    InvalidManifest,
    NotPublished,
    TooManyIntegrations,
    VersionExists,
    VersionNotNewer,
)
from worksphere_hub.catalog.manifests import Checked
from worksphere_hub.catalog.models import Integration, Tier
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, integration_of
from worksphere_hub.db.failures import translated
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import Conflict, FieldProblem
from worksphere_hub.events.emit import emitted
from worksphere_hub.events.store import accept_within
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.rules import order
from worksphere_hub.sdk.quality import judge

_USES = {
    "integration_instances_integration_org_id_integration_id_fkey": "It is installed. Uninstall its instances first.",
    "integration_instances_integration_org_id_previous_integrat_fkey": "An instance may still roll back to it.",
    "integration_marketplace_org_id_integration_id_fkey": "It is listed in the marketplace. Publish another version.",
}


async def create(catalog: Catalog, principal: Principal, document: dict[str, Any]) -> Integration:
    """Register a draft: a new integration, or another version of one."""
    checked, manifest = await asyncio.to_thread(manifests.require, document)
    async with catalog.database.tenant(principal.org) as tx:
        made = await insert(tx, principal.org, checked, manifest, limit=catalog.settings.integration_limit)
        await _audit(tx, principal, "integration.created", made, {"version": [None, made.version]})
    return made


async def insert(
    tx: Transaction, org: UUID, checked: Checked, manifest: Manifest, *, limit: int, tier: Tier | None = None
) -> Integration:
    """Write a draft; `tier` where more than the manifest is judged."""
    exists = VersionExists(f"There is a version {manifest.version} of {manifest.slug}. Give this one another version.")
    with translated({"integrations_org_id_slug_version_key": exists}):
        columns = _columns(checked, manifest, tier)
        row = await tx.row(QUERIES.insert_integration, org, ids.new(), manifest.slug, *columns, limit)
    if row is None:
        raise TooManyIntegrations(f"An organization may have {limit} versions. Delete those that nobody uses.")
    return integration_of(row)


async def change(
    catalog: Catalog, principal: Principal, integration_id: UUID, document: dict[str, Any], digest: str | None
) -> Integration:
    """Give a draft another manifest, of the same slug."""
    checked, manifest = await asyncio.to_thread(manifests.require, document)
    async with catalog.database.tenant(principal.org) as tx:
        before = await locked(tx, principal.org, integration_id)
        if before.state != "draft":
            raise IntegrationFixed(f"{before.version} is {before.state}. Register a new version instead.")
        if digest is not None and digest != before.digest.hex():
            raise Conflict("The draft was changed since it was read. Read it again.")
        if manifest.slug != before.slug:
            message = f"must stay {before.slug}; create another integration for another slug"
            raise InvalidManifest(f"slug {message}.", problems=[FieldProblem("slug", message)])
        exists = VersionExists(f"There is a version {manifest.version} of {manifest.slug} already.")
        with translated({"integrations_org_id_slug_version_key": exists}):
            row = await tx.row(QUERIES.update_draft, principal.org, integration_id, *_columns(checked, manifest))
        assert row is not None
        after = integration_of(row)
        changes = {"version": [before.version, after.version], "digest": [before.digest.hex(), after.digest.hex()]}
        await _audit(tx, principal, "integration.updated", after, changes)
    return after


async def publish(catalog: Catalog, principal: Principal, integration_id: UUID) -> Integration:
    """Make a draft a version that never changes. Where the integration is listed, it is what is installed from now."""
    async with catalog.database.tenant(principal.org) as tx:
        return await publish_within(tx, principal, integration_id)


async def publish_within(tx: Transaction, principal: Principal, integration_id: UUID) -> Integration:
    """The same in a transaction that does more than this."""
    versions = await _versions(tx, principal.org, integration_id)
    draft = versions[integration_id]
    if draft.state != "draft":
        raise IntegrationFixed(f"{draft.version} is {draft.state} already.")
    newest = max((each.version for each in versions.values() if each.state != "draft"), key=order, default=None)
    if newest is not None and order(draft.version) <= order(newest):
        raise VersionNotNewer(f"{draft.version} is not newer than {newest}, which was published. Give it a higher one.")
    listing = await listings.of_slug(tx, principal.org, draft.slug)
    visibility = "private" if listing is None else listing.visibility
    if visibility == "public":
        principal.require("marketplace:publish")
    row = await tx.row(QUERIES.publish_integration, principal.org, integration_id, visibility)
    assert row is not None
    published = integration_of(row)
    if listing is not None:
        await listings.offer(tx, listing, published)
    await _audit(tx, principal, "integration.published", published, {"version": [newest, published.version]})
    return published


async def withdraw(
    catalog: Catalog, principal: Principal, integration_id: UUID, reason: str, *, stop: bool
) -> tuple[Integration, int]:
    """Withdraw a version: nobody installs it any more, and whoever has it is told. Answers how many instances were.

    A version that is withdrawn already can still be stopped.
    """
    async with catalog.database.tenant(principal.org) as tx:
        versions = await _versions(tx, principal.org, integration_id)
        before = versions[integration_id]
        if before.visibility == "public":
            principal.require("marketplace:publish")
        if before.state == "draft" or (before.state == "withdrawn" and before.stopped >= stop):
            raise NotPublished(f"{before.version} is {before.state}: there is nothing to withdraw.")
        row = await tx.row(QUERIES.withdraw_integration, principal.org, integration_id, reason, stop)
        assert row is not None
        after = integration_of(row)
        left = [each for each in versions.values() if each.state == "published" and each.id != integration_id]
        listing = await listings.of_slug(tx, principal.org, before.slug)
        if listing is not None and listing.integration == integration_id and left:
            await listings.offer(tx, listing, max(left, key=lambda each: order(each.version)))
        affected = await tx.rows(QUERIES.instances_of_version, principal.org, integration_id)
        await _tell(tx, after, affected)
        changes = {"state": [before.state, "withdrawn"], "reason": [None, reason], "stopped": [before.stopped, stop]}
        await _audit(tx, principal, "integration.withdrawn", after, changes)
    return after, len(affected)


async def delete(catalog: Catalog, principal: Principal, integration_id: UUID) -> None:
    """Delete a draft, or a version that nobody has installed and no listing names."""
    async with catalog.database.tenant(principal.org) as tx:
        before = await locked(tx, principal.org, integration_id)
        with translated({name: IntegrationInUse(why) for name, why in _USES.items()}):
            await tx.run(QUERIES.delete_integration, principal.org, integration_id)
        await _audit(tx, principal, "integration.deleted", before, {"version": [before.version, None]})


async def find(tx: Transaction, org: UUID, integration_id: UUID) -> tuple[Integration, dict[str, Any]]:
    """One version of one's own, with its manifest."""
    row = await tx.row(QUERIES.integration_by_id, org, integration_id)
    if row is None:
        raise IntegrationNotFound
    return integration_of(row), row["manifest"]


async def locked(tx: Transaction, org: UUID, integration_id: UUID) -> Integration:
    """One version of one's own, locked until the transaction ends."""
    row = await tx.row(QUERIES.integration_for_change, org, integration_id)
    if row is None:
        raise IntegrationNotFound
    return integration_of(row)


async def _versions(tx: Transaction, org: UUID, integration_id: UUID) -> dict[UUID, Integration]:
    """All versions beside one, locked: two that are published or withdrawn at once see each other."""
    rows = await tx.rows(QUERIES.versions_for_change, org, integration_id)
    found = {row["id"]: integration_of(row) for row in rows}
    if integration_id not in found:
        raise IntegrationNotFound
    return found


async def _tell(tx: Transaction, withdrawn: Integration, affected: list[Row]) -> None:
    """Publish one event for each organization that uses the version, in this transaction."""
    by_org: dict[UUID, list[dict[str, str]]] = {}
    for row in affected:
        told = {"id": ids.encode("inst", row["id"]), "name": row["name"], "environment": row["environment"]}
        by_org.setdefault(row["org_id"], []).append(told)
    about = {
        "slug": withdrawn.slug,
        "name": withdrawn.name,
        "version": withdrawn.version,
        "reason": withdrawn.withdrawn_reason,
        "stopped": withdrawn.stopped,
    }
    events = [emitted(org, "hub.listing.withdrawn", {**about, "instances": told}) for org, told in by_org.items()]
    if events:
        await accept_within(tx, events, key_days=1)


def _columns(checked: Checked, manifest: Manifest, tier: Tier | None = None) -> list[object]:
    """What is stored of a manifest: version, name, category, auth types, itself, its digest, its tier."""
    return [
        manifest.version,
        manifest.name,
        manifest.category,
        sorted({method.type for method in manifest.auth.values()}),
        checked.document,
        checked.digest,
        tier or judge(manifest).tier,
    ]


async def _audit(
    tx: Transaction, principal: Principal, action: str, integration: Integration, changes: audit.Changes
) -> None:
    target = ids.encode("int", integration.id)
    noted = {"slug": [integration.slug, integration.slug], **changes}
    await audit.record(tx, principal, action, target_kind="integration", target_id=target, changes=noted)
