"""A test event, for one endpoint alone."""

from uuid import UUID

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.events.message import message_body
from worksphere_hub.events.models import Accepted, NewEvent
from worksphere_hub.webhooks import endpoints
from worksphere_hub.webhooks.errors import EndpointDisabled
from worksphere_hub.webhooks.services import Services

TYPE = "hub.test"


async def send_test(services: Services, principal: Principal, endpoint_id: UUID) -> Accepted:
    """Publish a test event for this endpoint alone; it is delivered and recorded like any other."""
    async with services.database.tenant(principal.org) as tx:
        endpoint = await endpoints.find(tx, principal.org, endpoint_id)
        if endpoint.status == "disabled":
            raise EndpointDisabled("This endpoint is disabled, so nothing is sent to it. Enable it first.")
        public_id = ids.encode("whe", endpoint_id)
        await audit.record(tx, principal, "endpoint.tested", target_kind="endpoint", target_id=public_id)
    now = clock.now()
    data = msgspec.json.encode({"endpoint_id": public_id, "message": "A test from WorkSphere Hub."})
    return await services.acceptor.accept(
        NewEvent(
            org=principal.org,
            id=ids.new_hex(),
            key=None,
            type=TYPE,
            body=message_body(TYPE, now, data),
            occurred_at=now,
            accepted_at=now,
            only_endpoint=endpoint_id,
        )
    )
