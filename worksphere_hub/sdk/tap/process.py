"""One run of a program apart: in a folder of its own, without the hub's environment, within limits, and ended."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from worksphere_hub.sdk.errors import AuthFailed, BadSettings, ConnectorFailed, RateLimited, Transient, Unexpected

IDLE_SECONDS = 300.0
_LONGEST_LINE = 16 * 1_048_576
_LAST_WORDS = 16_384
_SHOWN = 300
_SHORTEST_SECRET = 4
_LIMITS = {
    "RLIMIT_AS": 4 * 2**30, "RLIMIT_CPU": 4 * 3_600, "RLIMIT_FSIZE": 2**30, "RLIMIT_NOFILE": 256, "RLIMIT_CORE": 0,
}  # fmt: skip
_LAUNCH = Path(__file__).with_name("launch.py")
# What programs say in so many words, whichever they are. In this order.
_MEANINGS: tuple[tuple[tuple[str, ...], type[ConnectorFailed]], ...] = (
    (("401", "403", "unauthorized", "forbidden", "authentication", "invalid_grant", "access denied"), AuthFailed),
    (("429", "rate limit", "too many requests"), RateLimited),
    (("timed out", "timeout", "connection", "temporarily", "502", "503", "504"), Transient),
)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run. `files` are written to its folder, where it starts; `secrets` are shown in no text of ours."""

    program: Path
    arguments: Sequence[str]
    files: Mapping[str, bytes] = field(repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    idle_seconds: float = IDLE_SECONDS


class Run:
    """A program under way."""

    def __init__(self, command: Command, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._command = command
        self._folder = folder
        self._process = process
        self._out = asyncio.StreamReader(limit=_LONGEST_LINE)
        self._err = asyncio.StreamReader()
        self._pipes: list[asyncio.BaseTransport] = []
        self._words: deque[bytes] = deque()
        self._heard: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Begin to hear what it says."""
        loop = asyncio.get_running_loop()
        for reader, pipe in ((self._out, self._process.stdout), (self._err, self._process.stderr)):
            protocol = asyncio.StreamReaderProtocol(reader)
            self._pipes.append((await loop.connect_read_pipe(lambda made=protocol: made, pipe))[0])
        self._heard = asyncio.create_task(self._listen())

    async def lines(self) -> AsyncGenerator[bytes]:
        """What it says on stdout, line by line, until it ends well. Raises ConnectorFailed."""
        while True:
            try:
                async with asyncio.timeout(self._command.idle_seconds):
                    line = await self._out.readline()
            except TimeoutError:
                raise Transient(f"The tap said nothing for {self._command.idle_seconds:.0f} seconds.") from None
            except ValueError:
                raise Unexpected(f"The tap said a line of more than {_LONGEST_LINE} bytes.") from None
            if not line:
                break
            if line.strip():
                yield line
        await self._ended()

    def content(self, name: str) -> bytes:
        """A file of its folder as it is now."""
        return (self._folder / name).read_bytes()

    async def _ended(self) -> None:
        try:
            async with asyncio.timeout(self._command.idle_seconds):
                code = await asyncio.to_thread(self._process.wait, self._command.idle_seconds)
                if self._heard is not None:
                    await self._heard
        except (TimeoutError, subprocess.TimeoutExpired):
            raise Transient("The tap closed its output and does not end.") from None
        if code:
            raise self._failure(code)

    def _failure(self, code: int) -> ConnectorFailed:
        lines = self._last_lines()
        # The line that says whose matter it is, the last of them; else the last of all.
        meant = next(((line, kind) for line in reversed(lines) for kind in [_meaning(line)] if kind), None)
        last, kind = meant or (lines[-1] if lines else "", Unexpected)
        said = f" It said: {last}" if last else ""
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return kind(f"The tap {how}.{said}")

    def _last_lines(self) -> list[str]:
        """The end of stderr, without a secret."""
        text = redacted(b"".join(self._words).decode(errors="replace"), self._command.secrets)
        lines = ("".join(each for each in line if each.isprintable()).strip() for line in text.splitlines())
        return [line[:_SHOWN] for line in lines if line]

    async def _listen(self) -> None:
        held = 0
        while piece := await self._err.read(4_096):
            self._words.append(piece)
            held += len(piece)
            while held > _LAST_WORDS:
                held -= len(self._words.popleft())

    async def end(self) -> None:
        """End it, with whatever it started. Whoever got away and holds a pipe open is not waited for."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for pipe in self._pipes:
            pipe.close()
        if self._heard is not None:
            self._heard.cancel()
            with suppress(asyncio.CancelledError):
                await self._heard
        await asyncio.to_thread(self._process.wait)


def redacted(text: str, secrets: Sequence[str]) -> str:
    """PURE: a text without secrets, as they are or as JSON writes them."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[redacted]").replace(json.dumps(secret)[1:-1], "[redacted]")
    return text


def _meaning(line: str) -> type[ConnectorFailed] | None:
    low = line.lower()
    return next((kind for words, kind in _MEANINGS if any(word in low for word in words)), None)


@asynccontextmanager
async def apart(command: Command) -> AsyncGenerator[Run]:
    """Start a program, and leave nothing of it. Raises BadSettings where it cannot be started."""
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="worksphere-tap-"))
    try:
        await asyncio.to_thread(_write, folder, command.files)
        environment = {
            "PATH": f"{command.program.parent}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder),
            "TMPDIR": str(folder), "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1",
        }  # fmt: skip
        if not os.access(command.program, os.X_OK):
            raise BadSettings("The tap's program is not there (any more); its operator has to install it again.")
        arguments = [sys.executable, "-I", str(_LAUNCH), json.dumps(_LIMITS), str(command.program), *command.arguments]
        run = Run(command, folder, await asyncio.to_thread(_start, arguments, folder, environment))
        try:
            await run.listen()
            yield run
        finally:
            await asyncio.shield(run.end())
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - what the operator installed
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        cwd=folder, env=environment, start_new_session=True,
    )  # fmt: skip


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        place = folder / name
        place.touch(mode=0o600)
        place.write_bytes(content)
