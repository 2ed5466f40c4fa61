"""The catalogue's statements, and its rows as what they are."""

from worksphere_hub.catalog.models import Instance, Integration, Listing
from worksphere_hub.db.pool import Row
from worksphere_hub.db.queries import load_queries

QUERIES = load_queries(__file__)


def integration_of(row: Row) -> Integration:
    """A row of `integrations`."""
    return Integration(
        org=row["org_id"],
        id=row["id"],
        slug=row["slug"],
        version=row["version"],
        name=row["name"],
        category=row["category"],
        auth_types=row["auth_types"],
        digest=row["manifest_digest"],
        tier=row["tier"],
        state=row["state"],
        visibility=row["visibility"],
        withdrawn_at=row["withdrawn_at"],
        withdrawn_reason=row["withdrawn_reason"],
        stopped=row["stopped"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def listing_of(row: Row) -> Listing:
    """A row of `integration_marketplace` with what is said of it to the organization that asks."""
    return Listing(
        org=row["org_id"],
        id=row["id"],
        integration=row["integration_id"],
        slug=row["slug"],
        name=row["name"],
        version=row["version"],
        visibility=row["visibility"],
        unlisted=row["unlisted"],
        owned=row["owned"],
        row=row,
    )


def instance_of(row: Row) -> Instance:
    """A row of `integration_instances` with the version that it uses, whose columns begin with `i_`."""
    integration = Integration(
        org=row["integration_org_id"],
        id=row["integration_id"],
        slug=row["i_slug"],
        version=row["i_version"],
        name=row["i_name"],
        category=row["i_category"],
        auth_types=row["i_auth_types"],
        digest=row["i_manifest_digest"],
        tier=row["i_tier"],
        state=row["i_state"],
        visibility=row["i_visibility"],
        withdrawn_at=row["i_withdrawn_at"],
        withdrawn_reason=row["i_withdrawn_reason"],
        stopped=row["i_stopped"],
        created_at=row["i_created_at"],
        updated_at=row["i_updated_at"],
    )
    return Instance(
        org=row["org_id"],
        id=row["id"],
        name=row["name"],
        environment=row["environment"],
        status=row["status"],
        settings=row["settings"],
        pinned=row["pinned"],
        listing=row["listing_id"],
        previous=row["previous_integration_id"],
        previous_settings=row["previous_settings"],
        installed_by=row["installed_by"],
        integration=integration,
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
