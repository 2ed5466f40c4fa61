"""The catalogue's statements, and its rows as what they are."""

from worksphere_hub.catalog.models import Integration
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
