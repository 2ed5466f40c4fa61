"""PURE: where providers reach the hub."""

from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.security.tokens import MintedToken


def base_of(settings: InboundSettings, here: str) -> str:
    """The hub's address for providers: as it is set, else `here`, as a request says."""
    return (settings.public_url or here).rstrip("/")


def address_of(settings: InboundSettings, here: str, token: MintedToken) -> str:
    """A source's address, shown this once."""
    return f"{base_of(settings, here)}/in/{token.text.reveal()}"
