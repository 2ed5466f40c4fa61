"""What an instance is by definition: the manifest that it is pinned to, with its settings. Other rooms begin here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from worksphere_hub.catalog import manifests
from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.db.pool import Transaction
from worksphere_hub.sdk.manifest.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Definition:
    """An instance and what it is an instance of.

    `status` is what counts: an instance of a version that its publisher has stopped is disabled, whatever it was set
    to. `settings` holds the defaults of what was left out. `withdrawn` is the reason, if the version was withdrawn.
    """

    org: UUID
    instance: UUID
    name: str
    environment: str
    status: Literal["draft", "enabled", "disabled"]
    settings: Mapping[str, Any]
    manifest: Manifest
    integration_org: UUID
    integration: UUID
    slug: str
    version: str
    withdrawn: str | None = None

    @property
    def enabled(self) -> bool:
        """Whether anything may be done with it."""
        return self.status == "enabled"


async def of_instance(tx: Transaction, org: UUID, instance_id: UUID) -> Definition | None:
    """The definition of an organization's instance; None when there is no such instance.

    One round trip when this process has read the manifest before, else two. For the API and for workers.
    """
    row = await tx.row(QUERIES.definition_of_instance, org, instance_id)
    if row is None:
        return None
    manifest = manifests.known(row["manifest_digest"])
    if manifest is None:
        document = await tx.value(QUERIES.manifest_of, row["integration_org_id"], row["integration_id"])
        manifest = manifests.stored(row["manifest_digest"], document)
    return Definition(
        org=org,
        instance=instance_id,
        name=row["name"],
        environment=row["environment"],
        status="disabled" if row["stopped"] else row["status"],
        settings=with_defaults(manifest.settings, row["settings"]),
        manifest=manifest,
        integration_org=row["integration_org_id"],
        integration=row["integration_id"],
        slug=row["slug"],
        version=row["version"],
        withdrawn=row["withdrawn_reason"],
    )


def with_defaults(schema: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the defaults that their schema names for what was left out, below objects too."""
    filled = dict(settings)
    for name, found in cast("dict[str, Any]", schema.get("properties") or {}).items():
        inner = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if isinstance(filled.get(name), dict):
            filled[name] = with_defaults(inner, filled[name])
    return filled
