"""Which listings of the hub's own are connectors by code."""

from pathlib import Path

_FOLDER = Path(__file__).parents[1] / "connectors"


def connector_folder(slug: str, folder: Path = _FOLDER) -> Path | None:
    """The folder of the connector that a public listing is by code; None when it is a manifest alone."""
    found = folder / slug.replace("-", "_")
    return found if found.is_dir() else None
