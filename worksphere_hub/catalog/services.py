"""What this room's decisions work with."""

from dataclasses import dataclass, field

from worksphere_hub.catalog.settings import CatalogSettings
from worksphere_hub.db.pool import Database


@dataclass(frozen=True, slots=True)
class Catalog:
    """What the API's side of this room works with: `request.state.catalog`."""

    database: Database
    settings: CatalogSettings = field(default_factory=CatalogSettings)
