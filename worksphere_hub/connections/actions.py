"""What can be done and read through a connection: its connector's actions, and its streams."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from worksphere_hub.connections.account_api import AccountApi
from worksphere_hub.connections.action_errors import (
    ActionNotFound,
    AnswerTooLarge,
    InvalidActionInput,
    ProviderSlow,
    StreamNotFound,
    told,
)
from worksphere_hub.connections.connectors import connector_for
from worksphere_hub.connections.direct_api import DirectAccountApi
from worksphere_hub.connections.services import Connections
from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.events import contracts
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.action import Action
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.errors import AuthFailed, ConnectorFailed
from worksphere_hub.sdk.stream import Kind, Page, Stream

# An answer of the management API is one piece of JSON; what is larger is read by a sync.
RESULT_LIMIT = 8 * 1_048_576

Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Who:
    """On whose behalf a provider is called, as the log of calls shows it."""

    org: UUID
    caller: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is ready, with its connector."""

    connector: Connector
    api: AccountApi | DirectAccountApi


async def opened(room: Connections, who: Who, connection: UUID) -> Opened:
    """Open a connection for its connector. Raises what `Broker.ready` does."""
    ready = await room.broker.ready(who.org, connection)
    async with room.database.tenant(who.org) as tx:
        connector = await connector_for(tx, ready.subject.definition)
    if connector.direct:
        return Opened(connector, DirectAccountApi(room.egress, ready, room.settings))
    limit = room.settings.answer_limit
    api = AccountApi(
        room.proxy, room.calls, ready, caller=who.caller, request_id=who.request_id, limit=limit
    )  # fmt: skip
    return Opened(connector, api)


async def run(room: Connections, who: Who, connection: UUID, name: str, given: Mapping[str, Any]) -> Any:
    """Run an action; answers what it gives, as plain JSON.

    Raises ActionNotFound, InvalidActionInput, what `Broker.ready` does, and what `action_errors.told` makes of a
    failure at the provider.
    """
    found = await opened(room, who, connection)
    action = found.connector.actions.get(name)
    if action is None:
        raise ActionNotFound(f"It has {_listed(found.connector.actions)}.")
    _require_input(action, given)
    result = await _asked(room, who, connection, lambda: boundary.run(action, found.api, given))
    _require_bounded(result, "It was done all the same.")
    return result


async def streams(room: Connections, who: Who, connection: UUID) -> list[tuple[str, Kind]]:
    """The streams that this account has, by name, with what each is like for it."""

    async def look() -> list[tuple[str, Kind]]:
        found = await opened(room, who, connection)
        known = await boundary.told("discovery", lambda: found.connector.discover(found.api))
        return [(name, await _described(found, known[name])) for name in sorted(known)]

    return await _asked(room, who, connection, look)


async def sample(room: Connections, who: Who, connection: UUID, name: str, only: Mapping[str, str], limit: int) -> Page:
    """The first records of a stream, at most `limit`: enough to see what it gives."""

    async def look() -> Page:
        found = await opened(room, who, connection)
        stream = await _stream(found, name)
        records: list[Mapping[str, Any]] = []
        async with aclosing(boundary.pages(stream, found.api, None, only=only or None)) as pages:
            async for page in pages:
                records += page.records
                if len(records) >= limit:
                    break
        return Page(records[:limit], {})

    page = await _asked(room, who, connection, look)
    _require_bounded(page.records, "Ask for fewer records.")
    return page


async def _stream(found: Opened, name: str) -> Stream:
    known = await boundary.told("discovery", lambda: found.connector.discover(found.api))
    if name not in known:
        raise StreamNotFound(f"It has {_listed(known)}.")
    return known[name]


async def _described(found: Opened, stream: Stream) -> Kind:
    return await boundary.told(stream.name, lambda: stream.describe(found.api))


async def _asked(room: Connections, who: Who, connection: UUID, work: Callable[[], Awaitable[Given]]) -> Given:
    """What the provider gives, in the time that a call has in all; a refused credential has the connection tested."""
    try:
        async with asyncio.timeout(room.settings.call_deadline):
            return await work()
    except TimeoutError:
        raise ProviderSlow(f"It took more than {room.settings.call_deadline:.0f} seconds.") from None
    except ConnectorFailed as failure:
        if isinstance(failure, AuthFailed) and not isinstance(failure.__cause__, HubError):
            await room.broker.refused(who.org, connection)
        raise told(failure) from failure


def _require_input(action: Action, given: Mapping[str, Any]) -> None:
    problems = contracts.fit(dict(action.deed.input_schema), given, "input")
    if problems:
        found = [FieldProblem(each.field, each.message.replace("contract", "action")) for each in problems]
        raise InvalidActionInput(f"{found[0].field} {found[0].message}.", problems=found)


def _require_bounded(result: Any, advice: str) -> None:
    size = len(msgspec.json.encode(result))
    if size > RESULT_LIMIT:
        raise AnswerTooLarge(f"It has {size} bytes; the limit is {RESULT_LIMIT}. {advice}")


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(names)) or "none"
