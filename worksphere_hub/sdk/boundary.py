"""Where a connector's code is called from: whatever it stumbles over comes out as a failure of the kit.

An answer that is not what a provider's documents say trips code in ways that nobody can list. That is no reason for
whoever called it to fall over, and no record without its key gets any further than here.
"""

import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from worksphere_hub.sdk.action import Action
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.inbound import Inbound, Message, Told
from worksphere_hub.sdk.stream import Page, State, Stream, key_of

_STUMBLED = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
Given = TypeVar("Given")


async def pages(
    stream: Stream, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
) -> AsyncGenerator[Page]:
    """Read a stream; every record is an object that has its key. Raises ConnectorFailed and nothing else."""
    reading = stream.read(api, state, only=only)
    try:
        async for page in reading:
            _require_sound(stream, page)
            yield page
    except _STUMBLED as error:
        raise _stumbled(stream.name, error) from error
    finally:
        # Whoever stops early leaves no connection and no program behind.
        if isinstance(reading, AsyncGenerator):
            await reading.aclose()


async def run(action: Action, api: Api, given: Mapping[str, Any]) -> Any:
    """Run an action; answers plain JSON. Raises ConnectorFailed and nothing else."""
    return await told(action.name, lambda: action.run(api, given))


async def told(name: str, work: Callable[[], Awaitable[Given]]) -> Given:
    """What any other call of a connector gives. Raises ConnectorFailed and nothing else."""
    try:
        return await work()
    except _STUMBLED as error:
        raise _stumbled(name, error) from error


def facts(inbound: Inbound, message: Message) -> list[Told]:
    """The facts of a message. Raises ConnectorFailed and nothing else."""
    try:
        return inbound.read(message)
    except _STUMBLED as error:
        raise _stumbled("inbound", error) from error


def _require_sound(stream: Stream, page: Page) -> None:
    for record in page.records:
        # What comes from outside need not be what the types say.
        if not isinstance(record, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise Unexpected(f"{stream.name}: a record is not an object.")
        if None in key_of(stream.kind, record):
            raise Unexpected(f"{stream.name}: a record has no {', '.join(stream.kind.primary_key)}.")
    msgspec.json.encode(page.state)


def _stumbled(name: str, error: Exception) -> Unexpected:
    # Not the error's own text: it may hold what the provider sent.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
    return Unexpected(f"{name}: an answer of the provider's is not what its documents say ({place}).")
