"""The manifest that lies beside a connector's code."""

from pathlib import Path

from worksphere_hub.sdk.manifest.manifest import Manifest


def manifest_beside(file: str) -> Manifest:
    """Read `manifest.json` from the folder of `file`. Raises pydantic's ValidationError."""
    return Manifest.model_validate_json(Path(file).with_name("manifest.json").read_bytes())
