"""A transport that sends the head and the body of an answer in one piece instead of two."""

import asyncio
from typing import Any


class CorkedTransport(asyncio.Transport):
    """Holds what is written until the event loop comes round again, so that an answer costs one system call.

    The server writes an answer's head and its body one after the other, and each write would go to the kernel by
    itself: on the publish route that is a fifth of the whole cost.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: Any) -> None:
        """Take bytes; they leave at the end of this turn of the loop."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._held.clear()
        self._transport.abort()

    def is_closing(self) -> bool:
        """Whether the transport is closing."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What the transport knows of its connection."""
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._transport.set_protocol(protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Whose connection it is."""
        return self._transport.get_protocol()

    def pause_reading(self) -> None:
        """Let nothing more in for now."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Let more in again."""
        self._transport.resume_reading()

    def _flush(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            if not self._transport.is_closing():
                self._transport.write(data)
