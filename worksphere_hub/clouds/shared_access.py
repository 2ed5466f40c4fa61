"""PURE: Azure's shared access signatures."""

import base64
import hmac
from urllib.parse import quote_plus

from worksphere_hub.clouds.credentials import SharedKey


def proof(shared: SharedKey, place: str, until: int) -> str:
    """A shared access signature for a place, good until a second of Unix time."""
    resource = quote_plus(place.lower())
    digest = hmac.digest(shared.key.encode(), f"{resource}\n{until}".encode(), "sha256")
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={until}&skn={quote_plus(shared.key_name)}"
