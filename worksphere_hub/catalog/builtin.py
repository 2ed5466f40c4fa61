"""The listings that the hub brings along, offered in the name of the organization that runs it.

Loaded whenever a hub starts. What is there already is known by its digest; a new version is a new row; what the
operator has withdrawn or taken out of the marketplace stays so.
"""

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import audit
from worksphere_hub.catalog import integrations, listings, manifests
from worksphere_hub.catalog.connectors import connector_folder
from worksphere_hub.catalog.errors import InvalidManifest, VersionExists
from worksphere_hub.catalog.manifests import digest_of
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.catalog.store import QUERIES, integration_of
from worksphere_hub.db.pool import Database, Row, Transaction
from worksphere_hub.errors import HubError
from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.rules import order
from worksphere_hub.sdk.quality import judge
from worksphere_hub.telemetry.logs import wide

FOLDER = Path(__file__).parent / "listings"
_VERSIONS = 100_000  # what is brought along is not what the organization's own limit is for


@dataclass(slots=True)
class Loaded:
    """What became of the files: slugs that were registered, files that were refused and why."""

    registered: list[str] = field(default_factory=list[str])
    refused: dict[str, str] = field(default_factory=dict[str, str])


async def load(catalog: Catalog, folder: Path = FOLDER) -> Loaded:
    """Register every manifest of a folder that is not there yet. Without an operator's organization, none."""
    loaded = Loaded()
    org: UUID | None = (await catalog.database.call(QUERIES.operator_organization))[0][0]
    if org is None or not catalog.settings.builtin:
        return loaded
    with wide("listings.loaded", org=org) as line:
        known = await _known(catalog.database, org)
        for name, text in await asyncio.to_thread(_files, folder):
            try:
                document = await asyncio.to_thread(_read, text)
                if digest_of(document) not in known and await _register(catalog.database, org, document, known):
                    loaded.registered.append(str(document["slug"]))
            except HubError as error:
                # One bad file keeps nobody from the others, nor the hub from starting.
                loaded.refused[name] = error.detail
        line.add(registered=len(loaded.registered), refused=loaded.refused)
    return loaded


async def _known(database: Database, org: UUID) -> dict[bytes, Row]:
    async with database.tenant(org) as tx:
        return {row["manifest_digest"]: row for row in await tx.rows(QUERIES.published_versions, org)}


async def _register(database: Database, org: UUID, document: dict[str, Any], known: dict[bytes, Row]) -> bool:
    checked, manifest = await asyncio.to_thread(manifests.require, document)
    _require_newer(manifest, known)
    tier = judge(manifest, connector_folder(manifest.slug)).tier
    try:
        async with database.tenant(org) as tx:
            made = await integrations.insert(tx, org, checked, manifest, limit=_VERSIONS, tier=tier)
            await _offer(tx, org, made.id, manifest)
    except VersionExists:
        # Another process of the hub starts at the same time and was faster; or else somebody has a draft of it.
        if checked.digest in await _known(database, org):
            return False
        raise
    return True


async def _offer(tx: Transaction, org: UUID, integration: UUID, manifest: Manifest) -> None:
    listing = await listings.of_slug(tx, org, manifest.slug)
    visibility = "public" if listing is None else listing.visibility
    row = await tx.row(QUERIES.publish_integration, org, integration, visibility)
    assert row is not None
    published = integration_of(row)
    if listing is None:
        await listings.insert(tx, org, published, "public")
    else:
        await listings.offer(tx, listing, published)
    target = ids.encode("int", integration)
    changes = {"slug": [None, manifest.slug], "version": [None, manifest.version]}
    await audit.record_system(
        tx, org, "integration.published", target_kind="integration", target_id=target, changes=changes
    )


def _require_newer(manifest: Manifest, known: dict[bytes, Row]) -> None:
    versions = [row["version"] for row in known.values() if row["slug"] == manifest.slug]
    if manifest.version in versions:
        raise InvalidManifest(
            f"{manifest.slug} {manifest.version} was published with another content: raise its version."
        )
    newest = max(versions, key=order, default=None)
    if newest is not None and order(manifest.version) < order(newest):
        raise InvalidManifest(f"{manifest.slug} {manifest.version} is older than {newest}, which is published.")


def _files(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in sorted(folder.glob("*.json"))]


def _read(text: bytes) -> dict[str, Any]:
    try:
        content: object = json.loads(text)
    except ValueError as error:
        raise InvalidManifest(f"It is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise InvalidManifest("It is not a JSON object.")
    return cast("dict[str, Any]", content)
