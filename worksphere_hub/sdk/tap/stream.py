"""One run of a program as a stream."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.direct import DirectApi, direct
from worksphere_hub.sdk.errors import ConnectorFailed
from worksphere_hub.sdk.stream import Kind, Page, State, Stream
from worksphere_hub.sdk.tap.cutting import Cutter
from worksphere_hub.sdk.tap.process import Command, Run, apart, redacted


@dataclass(frozen=True, slots=True)
class Heard:
    """What a line said about the stream: a record of it, a deletion's key, or a state."""

    record: Mapping[str, Any] | None = None
    deleted: tuple[Any, ...] | None = None
    state: Mapping[str, Any] | None = None


class TapStream(Stream):
    """One stream of a program. `command` says how it is run from a state on, `hear` what a line of it says."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        *,
        command: Callable[[DirectApi, State], Command],
        hear: Callable[[bytes], Heard | None],
        after: Callable[[Command, Run], None] = lambda _, __: None,
    ) -> None:
        """`after` looks at a run that went well before it is forgotten."""
        super().__init__(name, kind)
        self._command = command
        self._hear = hear
        self._after = after

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Page by page, as the program says it. There are no parameters."""
        del only
        state = state or {}
        cutter = Cutter(state)
        command = self._command(direct(api), state)
        async with apart(command) as run:
            lines = run.lines()
            async with aclosing(lines):
                async for line in lines:
                    heard = self._heard(line, command)
                    page = None if heard is None else _taken(cutter, heard)
                    if page is not None:
                        yield page
            self._after(command, run)
        yield cutter.end()

    def _heard(self, line: bytes, command: Command) -> Heard | None:
        try:
            return self._hear(line)
        except ConnectorFailed as failure:
            raise type(failure)(redacted(failure.detail, command.secrets)) from None


def _taken(cutter: Cutter, heard: Heard) -> Page | None:
    if heard.deleted is not None:
        return cutter.deleted(heard.deleted)
    if heard.record is not None:
        return cutter.record(heard.record)
    return None if heard.state is None else cutter.state(heard.state)
