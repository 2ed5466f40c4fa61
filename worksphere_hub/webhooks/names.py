"""PURE: the public name of a delivery."""

from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.webhooks.errors import DeliveryNotFound

_HEX = 32


def delivery_id(event: UUID, endpoint: UUID) -> str:
    """A delivery is one event for one endpoint, and its id says just that."""
    return f"dlv_{event.hex}{endpoint.hex}"


def parse_delivery_id(text: str) -> tuple[UUID, UUID]:
    """The event and the endpoint of a delivery's id; a malformed one answers like a missing one."""
    digits = text.removeprefix("dlv_")
    event = ids.decode("dlv", f"dlv_{digits[:_HEX]}", DeliveryNotFound)
    return event, ids.decode("dlv", f"dlv_{digits[_HEX:]}", DeliveryNotFound)
