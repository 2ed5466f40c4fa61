"""A hub on a machine whose power can be cut: what it writes is on a disk image that only its processes see mounted.

The image is mounted in a mount namespace of the hub's own, so that it goes away with the last of its processes, however
they end. A power cut stops them all where they stand, copies the image's file, and kills them: what no fsync has pushed
out of the page cache of the image's file system is not in the copy, as it would not be on a disk.

The kernel may write back during the copy (hundredths of a second). That can only save data: losses shown are real, and
the absence of losses is worth as much as the number of rounds.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path

from tests.acceptance.running import RunningHub, hub_environment
from tests.chaos import processes
from worksphere_hub.db.embedded import die_with_parent, free_port

_READY_SECONDS = 90.0
# The shell becomes the hub: nothing but the hub's own processes is in the namespace then.
_ENTER = ("unshare", "--mount", "--propagation", "private", "sh", "-ec")
_MOUNT = 'mount -o loop "$1" "$2"; chmod 755 "$2"; {before} shift 2; exec "$@"'


@cache
def why_not() -> str | None:
    """Why disk images cannot be mounted here, or None."""
    if os.geteuid() != 0:
        return "mounting a disk image needs root"
    if shutil.which("mkfs.ext4") is None:
        return "mounting a disk image needs mkfs.ext4"
    with tempfile.TemporaryDirectory(prefix="hub-test-", dir="/var/tmp") as name:
        image, place = Path(name, "image"), Path(name, "place")
        place.mkdir()
        _format(image, 2)
        tried = subprocess.run(
            [*_ENTER, _MOUNT.format(before=""), "sh", image, place, "true"], capture_output=True, text=True, check=False
        )
    return f"mounting a disk image failed: {tried.stderr.strip()}" if tried.returncode else None


class Machine:
    """One machine: its disk, and the hub that runs on it while it has power."""

    def __init__(self, folder: Path, *, megabytes: int, **settings: str) -> None:
        self._image = folder / "disk.img"
        self._place = folder / "disk"
        self._place.mkdir()
        self._log = (folder / "hub.log").open("ab")
        self._reading: asyncio.Task[None] | None = None
        self._namespace = ""
        self.home = self._place / "hub"
        self.port = free_port()
        self._environment = hub_environment(self.home, self.port, **settings)
        self.hub: RunningHub | None = None
        _format(self._image, megabytes)

    async def boot(self, *, before: str = "") -> RunningHub:
        """Mount the disk and start the hub on it; returns without waiting. `before` is shell, run on the disk first."""
        process = await asyncio.create_subprocess_exec(
            *_ENTER, _MOUNT.format(before=before), "sh", self._image, self._place,
            sys.executable, "-m", "worksphere_hub", "up",
            env=self._environment, stderr=subprocess.PIPE, stdout=self._log, start_new_session=True,
            preexec_fn=partial(die_with_parent, signal.SIGKILL),
        )  # fmt: skip
        key = self.hub.key if self.hub else ""
        own = processes.mount_namespace(os.getpid())
        async with asyncio.timeout(_READY_SECONDS):
            while (found := processes.mount_namespace(process.pid)) == own:
                await asyncio.sleep(0.001)
        self._namespace = found or ""
        prefix = ("nsenter", "--target", str(process.pid), "--mount")
        self.hub = RunningHub(process, self._environment, self.port, key, prefix=prefix)
        self._reading = asyncio.create_task(self._read(self.hub))
        return self.hub

    async def ready(self) -> None:
        """Return once the hub says so."""
        hub = self.hub
        assert hub
        async with asyncio.timeout(_READY_SECONDS):
            while not any("is ready" in line for line in hub.lines):
                assert hub.process.returncode is None, "".join(hub.lines)
                await asyncio.sleep(0.01)

    def inside(self, path: Path) -> Path:
        """A path of the disk as seen from outside."""
        assert self.hub
        return Path(f"/proc/{self.hub.process.pid}/root{path}")

    async def command(self, *arguments: str) -> str:
        """Run a program where the disk is mounted; answers what it prints."""
        assert self.hub
        process = await asyncio.create_subprocess_exec(*self.hub.prefix, *arguments, stdout=subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0, arguments
        return out.decode().strip()

    def running(self) -> set[int]:
        """Every process of the machine."""
        return processes.in_namespace(self._namespace) if self._namespace else set()

    async def cut_power(self) -> None:
        """Take the power away; the next boot finds what had reached the disk."""
        copy = self._image.with_suffix(".copy")
        processes.stop_all(self.running)
        await asyncio.to_thread(subprocess.run, ["cp", "--sparse=always", self._image, copy], check=True)
        await self._kill()
        copy.replace(self._image)

    async def destroy(self) -> None:
        """Kill everything and forget the disk."""
        await self._kill()
        self._log.close()

    async def _kill(self) -> None:
        if self.hub is None:
            return
        await asyncio.to_thread(processes.kill_all, self.running)
        await self.hub.process.wait()
        if self._reading:
            await self._reading

    async def _read(self, hub: RunningHub) -> None:
        assert hub.process.stderr is not None
        async for line in hub.process.stderr:
            hub.lines.append(line.decode(errors="replace"))
            self._log.write(line)
            self._log.flush()


@asynccontextmanager
async def machine(folder: Path, *, megabytes: int, **settings: str) -> AsyncGenerator[Machine]:
    """A machine that is switched on, its hub ready; destroyed at the end."""
    made = Machine(folder, megabytes=megabytes, **settings)
    try:
        await made.boot()
        await made.ready()
        yield made
    finally:
        await made.destroy()


def _format(image: Path, megabytes: int) -> None:
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True, capture_output=True)
