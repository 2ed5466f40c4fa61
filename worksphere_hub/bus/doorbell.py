"""Ring when there is work, so that an idle worker on the same machine need not wait for its next look.

Unix datagram sockets in one folder, a file a worker. A ring that nobody hears costs nothing: the work is in
PostgreSQL and the worker looks by itself a moment later.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Generator
from pathlib import Path

from worksphere_hub import clock

_LOOK_SECONDS = 1.0
# In bytes: kernels take a little more as the path of a socket.
_PATH_LIMIT = 100
_OPEN_FILES = Path("/proc/self/fd")


class Bell:
    """The ringing side: an API process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._socket = (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if folder and hasattr(socket, "AF_UNIX") else None
        )
        if self._socket:
            self._socket.setblocking(False)  # noqa: FBT003 - the library's own signature
        self._listeners: list[Path] = []
        self._looked_at = float("-inf")

    def ring(self) -> None:
        """Wake the workers. Never waits, never fails."""
        if self._socket is None or self._folder is None:
            return
        if clock.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = clock.monotonic()
            self._listeners = list(self._folder.glob("*.bell"))
        for listener in self._listeners:
            # A full socket has rung already; one that refuses belongs to a worker that died.
            with contextlib.suppress(OSError), _short(listener) as path:
                self._socket.sendto(b"1", path)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket:
            self._socket.close()


class Ear:
    """The listening side: a worker."""

    def __init__(self, folder: Path | None) -> None:
        self._rung = asyncio.Event()
        self._socket: socket.socket | None = None
        self._path: Path | None = None
        if folder is None or not hasattr(socket, "AF_UNIX"):
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{os.getpid()}.bell"
        self._path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)  # noqa: FBT003 - the library's own signature
        try:
            with _short(self._path) as path:
                self._socket.bind(path)
        except OSError:
            # A folder too deep, or on a file system without sockets: no doorbell, and the worker looks by itself.
            self._socket.close()
            self._socket = None
        else:
            asyncio.get_running_loop().add_reader(self._socket, self._hear)

    def wake(self) -> None:
        """Ring from inside this process."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()

    def close(self) -> None:
        """Stop listening."""
        if self._socket and self._path:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._path.unlink(missing_ok=True)

    def _hear(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(OSError):
            while self._socket.recv(16):
                pass
        self._rung.set()


@contextlib.contextmanager
def _short(path: Path) -> Generator[str]:
    """The path of a socket in a form that the kernel takes, however deep its folder is; on Linux at least."""
    if len(os.fsencode(path)) <= _PATH_LIMIT or not _OPEN_FILES.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield str(_OPEN_FILES / str(folder) / path.name)
    finally:
        os.close(folder)
