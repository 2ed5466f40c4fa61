"""The client: one method a thing that a hub can do for a program."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Self, Unpack
from urllib.parse import quote

from worksphere_hub import __version__, ids
from worksphere_hub.client.calls import Calls, Json
from worksphere_hub.client.errors import read_problems
from worksphere_hub.client.filters import AttemptFilters, DeliveryFilters, EventFilters, as_query
from worksphere_hub.client.models import Event, Published, Refused
from worksphere_hub.client.retry import Patience

_ENDPOINTS = "/v1/webhook-endpoints"


class AsyncHub:
    """A hub, as seen by one key.

    Every call may raise HubRefused (see its subclasses) or Unreachable. What is read is given as the hub's own JSON
    objects, which `docs/reference/openapi.json` describes. Connections are kept and reused; close it in the end, or use
    it by `async with`. It belongs to the event loop that first calls it.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        organization: str | None = None,
        timeout: float = 15.0,
        patience: Patience | None = None,
    ) -> None:
        """`timeout` in seconds is that of one try; `organization` is needed only by a key that is of several."""
        headers = {"authorization": f"Bearer {key}", "user-agent": f"worksphere-hub-python/{__version__}"}
        if organization is not None:
            headers["hub-organization"] = organization
        self._calls = Calls(base_url, headers, timeout, patience or Patience())

    async def publish(  # noqa: PLR0913 - the fields of an event
        self,
        type: str,  # noqa: A002 - the field's name
        data: Any,
        *,
        id: str | None = None,  # noqa: A002 - the field's name
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
        channels: Sequence[str] | None = None,
        ordering_key: str | None = None,
    ) -> Published:
        """Publish one event: stored, with all its deliveries, once this returns.

        It is published once, however often it has to be sent. To make it once across crashes of your own program too,
        give it an `id` (or an `idempotency_key`) that you can make again.
        """
        event = Event(type, data, id, occurred_at, channels, ordering_key)
        stored, replayed = await self._calls.write("POST", "/v1/events", _written(event), key=idempotency_key)
        return _published(stored, replayed=replayed)

    async def publish_batch(self, events: Sequence[Event]) -> list[Published | Refused]:
        """Publish up to a thousand events in one request; answers what became of each, in the same order.

        One without an `id` is given one, so that none is published twice however often the batch has to be sent.
        """
        written = [{"id": f"msg_{ids.new_hex()}", **_written(event)} for event in events]
        told, _ = await self._calls.write("POST", "/v1/events/batch", {"events": written}, keyless=True)
        return [_outcome(outcome) for outcome in told["data"]]

    def events(self, *, limit: int | None = None, **filters: Unpack[EventFilters]) -> AsyncIterator[Json]:
        """Events, newest first; `limit` is the size of a page."""
        return self._calls.pages("/v1/events", as_query(filters, limit))

    async def event(self, event_id: str) -> Json:
        """One event, by the hub's id or your own."""
        return await self._calls.read(f"/v1/events/{_part(event_id)}")

    def verdicts(self, event_id: str) -> AsyncIterator[Json]:
        """For every endpoint why it did, or did not, get an event."""
        return self._calls.pages(f"/v1/events/{_part(event_id)}/deliveries")

    def deliveries(self, *, limit: int | None = None, **filters: Unpack[DeliveryFilters]) -> AsyncIterator[Json]:
        """Deliveries, those of the newest event first."""
        return self._calls.pages("/v1/deliveries", as_query(filters, limit))

    async def delivery(self, delivery_id: str) -> Json:
        """One delivery."""
        return await self._calls.read(f"/v1/deliveries/{_part(delivery_id)}")

    def attempts(
        self,
        *,
        delivery_id: str | None = None,
        endpoint_id: str | None = None,
        limit: int | None = None,
        **filters: Unpack[AttemptFilters],
    ) -> AsyncIterator[Json]:
        """The attempts at all endpoints or at one, newest first; or all of one delivery, oldest first, unfiltered."""
        if delivery_id is not None:
            if endpoint_id is not None or filters:
                raise ValueError("the attempts of one delivery are few: they come all, with nothing else given")
            return self._calls.pages(f"/v1/deliveries/{_part(delivery_id)}/attempts")
        path = "/v1/attempts" if endpoint_id is None else f"{_endpoint(endpoint_id)}/attempts"
        return self._calls.pages(path, as_query(filters, limit))

    def endpoints(self, *, limit: int | None = None) -> AsyncIterator[Json]:
        """Endpoints, newest first."""
        return self._calls.pages(_ENDPOINTS, {"limit": limit})

    async def endpoint(self, endpoint_id: str) -> Json:
        """One endpoint."""
        return await self._calls.read(_endpoint(endpoint_id))

    async def create_endpoint(self, url: str | None = None, **fields: Any) -> Json:
        """Register a receiver; `fields` are those of `POST /v1/webhook-endpoints`. The answer holds its `secret`,
        which is never shown again."""
        given = fields if url is None else {"url": url, **fields}
        return (await self._calls.write("POST", _ENDPOINTS, given))[0]

    async def update_endpoint(self, endpoint_id: str, **fields: Any) -> Json:
        """Change some fields of an endpoint."""
        return (await self._calls.write("PATCH", _endpoint(endpoint_id), fields))[0]

    async def delete_endpoint(self, endpoint_id: str) -> None:
        """Delete an endpoint. What was still to be delivered to it is cancelled."""
        await self._calls.write("DELETE", _endpoint(endpoint_id))

    async def enable_endpoint(self, endpoint_id: str) -> Json:
        """Enable an endpoint; what was held for it is sent."""
        return (await self._calls.write("POST", f"{_endpoint(endpoint_id)}/enable"))[0]

    async def disable_endpoint(self, endpoint_id: str) -> Json:
        """Disable an endpoint; what waits for it is held."""
        return (await self._calls.write("POST", f"{_endpoint(endpoint_id)}/disable"))[0]

    async def rotate_secret(self, endpoint_id: str, **fields: Any) -> Json:
        """Give an endpoint new signing keys; the answer holds the new `secret`, shown this once."""
        return (await self._calls.write("POST", f"{_endpoint(endpoint_id)}/rotate-secret", fields))[0]

    async def test_endpoint(self, endpoint_id: str) -> Published:
        """Send a test event to one endpoint alone."""
        stored, replayed = await self._calls.write("POST", f"{_endpoint(endpoint_id)}/test")
        return _published(stored, replayed=replayed)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._calls.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _part(value: str) -> str:
    return quote(value, safe="")


def _endpoint(endpoint_id: str) -> str:
    return f"{_ENDPOINTS}/{_part(endpoint_id)}"


def _written(event: Event) -> Json:
    """An event on the wire, with what was given only."""
    stamp = None if event.occurred_at is None else event.occurred_at.isoformat()
    channels = None if event.channels is None else list(event.channels)
    said = {"id": event.id, "occurred_at": stamp, "channels": channels, "ordering_key": event.ordering_key}
    return {
        "type": event.type,
        "data": event.data,
        **{name: value for name, value in said.items() if value is not None},
    }


def _published(told: Json, *, replayed: bool = False) -> Published:
    return Published(told["id"], datetime.fromisoformat(told["accepted_at"]), replayed)


def _outcome(told: Json) -> Published | Refused:
    error = told.get("error")
    if error is None:
        return _published(told)
    return Refused(error["code"], error["detail"], read_problems(error))
