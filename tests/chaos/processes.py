"""Processes as the kernel shows them: whose they are, stopping, letting go and killing all of them."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_DEADLINE = 30.0


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent of a process; None when it is gone or only waits to be buried."""
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split(" ")[:2]
    except (OSError, ValueError):
        return None
    return None if state in "ZX" else (state, int(parent))


def mount_namespace(pid: int) -> str | None:
    """The name of the mount namespace that a process lives in."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return None


def in_namespace(name: str) -> set[int]:
    """Every live process in a mount namespace, whoever its parent is."""
    return {pid for pid in _all() if mount_namespace(pid) == name and _stat(pid)}


def tree(root: int) -> set[int]:
    """A process and everything below it."""
    parents = {pid: found[1] for pid in _all() if (found := _stat(pid))}
    members = {root} & parents.keys()
    while more := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= more
    return members


def identity(pid: int) -> tuple[int, str] | None:
    """A process by its id and the moment it began, so that a later one with the same id is not mistaken for it."""
    try:
        return pid, Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split(" ")[19]
    except OSError:
        return None


def tell(pids: Iterable[int], what: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


def stop_all(members: Callable[[], set[int]]) -> set[int]:
    """Stop a group, those too that it starts meanwhile; returns once all of them stand still."""
    deadline = time.monotonic() + _DEADLINE
    while True:
        pids = members()
        running = {pid for pid in pids if (found := _stat(pid)) and found[0] not in "Tt"}
        if not running:
            return pids
        tell(running, signal.SIGSTOP)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(running)} processes do not stop")
        time.sleep(0.001)


def kill_all(members: Callable[[], set[int]]) -> None:
    """Kill a group at once; returns when nothing of it is left."""
    deadline = time.monotonic() + _DEADLINE
    while pids := members():
        tell(pids, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(pids)} processes survive SIGKILL")
        time.sleep(0.005)
