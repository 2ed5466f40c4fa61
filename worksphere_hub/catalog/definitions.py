"""What an instance is by definition: the manifest that it is pinned to, with its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from worksphere_hub.catalog.store import QUERIES
from worksphere_hub.db.pool import Transaction
from worksphere_hub.sdk.manifest.manifest import Manifest

_known: dict[bytes, Manifest] = {}


@dataclass(frozen=True, slots=True)
class Definition:
    """An instance and what it is an instance of."""

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
    """The definition of an organization's instance; None when there is no such instance."""
    row = await tx.row(QUERIES.definition_of_instance, org, instance_id)
    if row is None:
        return None
    manifest = _known.get(row["manifest_digest"])
    if manifest is None:
        document = await tx.value(QUERIES.manifest_of, row["integration_org_id"], row["integration_id"])
        manifest = _known[row["manifest_digest"]] = Manifest.model_validate(document)
    return Definition(
        org, instance_id, row["name"], row["environment"], row["status"], row["settings"], manifest,
        row["integration_org_id"], row["integration_id"], row["slug"], row["version"],
    )  # fmt: skip
