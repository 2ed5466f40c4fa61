"""The hub's own events, about what happens to an organization's things: `hub.endpoint.disabled` and so on.

They are events like any other, stored in the transaction of what they tell of. Receivers get those that they name in
their event types: `*` leaves them out.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.db.pool import Transaction
from worksphere_hub.events import grammar, store
from worksphere_hub.events.message import message_body
from worksphere_hub.events.models import NewEvent


def emitted(org: UUID, event_type: str, data: Mapping[str, object]) -> NewEvent:
    """An event of the hub's own, ready to be stored."""
    assert event_type.startswith(grammar.HUB_PREFIX)
    now = clock.now()
    body = message_body(event_type, now, msgspec.json.encode(data))
    return NewEvent(org, ids.new_hex(), None, event_type, body, occurred_at=now, accepted_at=now)


async def emit(tx: Transaction, org: UUID, event_type: str, data: Mapping[str, object]) -> None:
    """Publish an event of the hub's own. Nothing happens if the organization is suspended."""
    await store.accept_within(tx, [emitted(org, event_type, data)], key_days=1)
