"""How the catalogue works; the defaults stand beside the code that obeys them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CatalogSettings:
    """How the catalogue works."""

    integration_limit: int = 2_000  # versions of integrations an organization may have
    instance_limit: int = 1_000  # instances an organization may have
    share_limit: int = 500  # organizations a private listing may be shared with
    builtin: bool = True  # whether the hub offers the listings it brings along, in the operator's name
