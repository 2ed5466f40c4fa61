"""From rows to what people are shown: integrations and instances."""

from typing import Any

from worksphere_hub import ids
from worksphere_hub.catalog.models import Instance, Integration
from worksphere_hub.catalog.schemas import Consequence, InstanceOut, IntegrationOut, IntegrationWithManifest, ProblemOut
from worksphere_hub.db.pool import Row
from worksphere_hub.errors import FieldProblem


def integration_fields(integration: Integration) -> dict[str, Any]:
    """What is shown of a version."""
    return {
        "id": ids.encode("int", integration.id),
        "slug": integration.slug,
        "version": integration.version,
        "name": integration.name,
        "category": integration.category,
        "auth_types": integration.auth_types,
        "tier": integration.tier,
        "state": integration.state,
        "visibility": integration.visibility,
        "digest": integration.digest.hex(),
        "withdrawn_at": integration.withdrawn_at,
        "withdrawn_reason": integration.withdrawn_reason,
        "stopped": integration.stopped,
        "created_at": integration.created_at,
        "updated_at": integration.updated_at,
    }


def integration_out(integration: Integration) -> IntegrationOut:
    """A version without its manifest."""
    return IntegrationOut(**integration_fields(integration))


def integration_with_manifest(integration: Integration, manifest: dict[str, Any]) -> IntegrationWithManifest:
    """A version with its manifest."""
    return IntegrationWithManifest(**integration_fields(integration), manifest=manifest)


def instance_out(instance: Instance) -> InstanceOut:
    """An instance and the version that it uses."""
    integration = instance.integration
    return InstanceOut(
        id=ids.encode("inst", instance.id),
        name=instance.name,
        environment=instance.environment,
        status=instance.status,
        settings=instance.settings,
        pinned=instance.pinned,
        listing_id=ids.encode("lst", instance.listing) if instance.listing else None,
        integration_id=ids.encode("int", integration.id),
        slug=integration.slug,
        version=integration.version,
        digest=integration.digest.hex(),
        withdrawn_reason=integration.withdrawn_reason,
        stopped=integration.stopped,
        can_roll_back=instance.previous is not None,
        installed_by=instance.installed_by,
        created_at=instance.created_at,
        updated_at=instance.updated_at,
    )


def consequence_out(row: Row) -> Consequence:
    """What goes with an instance, in figures and in a sentence."""
    parts = [
        _counted(row["connections"], "connection with its credentials", "connections with their credentials"),
        _counted(row["syncs"], "sync", "syncs"),
        _counted(row["inbound_sources"], "inbound source", "inbound sources"),
    ]
    going = [part for part in parts if part]
    told = ", ".join(going) if going else "nothing besides"
    return Consequence(
        connections=row["connections"],
        syncs=row["syncs"],
        inbound_sources=row["inbound_sources"],
        sentence=f"Uninstalling deletes the instance and {told}. It cannot be undone.",
    )


def problem_out(problem: FieldProblem) -> ProblemOut:
    """A problem of one field."""
    return ProblemOut(field=problem.field, message=problem.message)


def _counted(count: int, one: str, many: str) -> str:
    return "" if count == 0 else f"{count} {one if count == 1 else many}"
