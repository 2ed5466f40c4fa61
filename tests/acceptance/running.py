"""A whole hub in processes of its own, as an operator runs it, and what is needed to watch it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from worksphere_hub.db.embedded import die_with_parent, free_port

ROOT = Path(__file__).parents[2]


def hub_environment(home: Path, port: int, **settings: str) -> dict[str, str]:
    """The environment of a hub that may deliver to loopback."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return outside | {
        "HUB_HOME": str(home),
        "HUB_PORT": str(port),
        "HUB_EGRESS_ALLOW": "127.0.0.0/8",
        "PYTHONUNBUFFERED": "1",
        **settings,
    }


@dataclass
class RunningHub:
    """A hub under `up`, with an organization and a key."""

    process: asyncio.subprocess.Process
    environment: dict[str, str]
    port: int
    key: str = ""
    lines: list[str] = field(default_factory=list)
    # What a command line has to go through to see the hub's folder.
    prefix: tuple[str, ...] = ()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def children(self) -> dict[str, int]:
        """The processes that `up` has started: api, worker, postgres."""
        found: dict[str, int] = {}
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        for line in listed.splitlines():
            pid, _, command = line.strip().partition(" ")
            if match := re.search(r"worksphere_hub (serve|work)$", command):
                found["api" if match[1] == "serve" else "worker"] = int(pid)
            elif "/postgres -D" in command:
                found["postgres"] = int(pid)
        return found

    async def command(self, *arguments: str) -> str:
        """Run the command line; answers what it prints."""
        process = await asyncio.create_subprocess_exec(
            *self.prefix,
            sys.executable,
            "-m",
            "worksphere_hub",
            *arguments,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode().strip()

    async def request(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, object]:
        """One request over a connection of its own; answers status and JSON."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {key or self.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
        )
        try:
            writer.write(head.encode() + content)
            answer = await reader.read()
        finally:
            writer.close()
        if not answer:
            raise ConnectionResetError("no answer")
        top, _, text = answer.partition(b"\r\n\r\n")
        return int(top[9:12]), json.loads(text) if text else None


@asynccontextmanager
async def running_hub(home: Path, **settings: str) -> AsyncGenerator[RunningHub]:
    """Start a hub with an embedded PostgreSQL, an organization and a key in it, and stop it at the end."""
    async with started_hub(home, **settings) as hub:
        await hub.command("organizations", "create", "acme", "--name", "Acme")
        hub.key = await hub.command("keys", "create", "acme", "--name", "test", "--rate-limit", "100000")
        yield hub


@asynccontextmanager
async def started_hub(home: Path, **settings: str) -> AsyncGenerator[RunningHub]:
    """Start a hub, wait until it is ready, and stop it at the end. Names that are not HUB_* go to it as they are."""
    port = free_port()
    environment = hub_environment(home, port, **settings)
    log = (home.parent / "hub.log").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "worksphere_hub", "up", env=environment, stderr=subprocess.PIPE, stdout=log,
        # A test run that is killed takes its hubs along.
        preexec_fn=partial(die_with_parent, signal.SIGTERM),
    )  # fmt: skip
    hub = RunningHub(process, environment, port)
    reading = asyncio.create_task(_read(hub))
    try:
        async with asyncio.timeout(60):
            while not any("is ready" in line for line in hub.lines):
                assert process.returncode is None, "".join(hub.lines)
                await asyncio.sleep(0.02)
        yield hub
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        await reading
        log.close()


async def _read(hub: RunningHub) -> None:
    assert hub.process.stderr is not None
    async for line in hub.process.stderr:
        hub.lines.append(line.decode(errors="replace"))


@asynccontextmanager
async def demo(home: Path, port: int, *arguments: str, prefix: tuple[str, ...] = (), **settings: str):
    """A running demo; yields what it wrote, and is interrupted at the end."""
    environment = hub_environment(home, port) | settings
    environment.pop("HUB_EGRESS_ALLOW")
    process = await asyncio.create_subprocess_exec(
        *prefix, sys.executable, "-m", "worksphere_hub", "demo", *arguments, cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    shown: list[str] = []
    try:
        async with asyncio.timeout(90):
            async for line in process.stdout:
                shown.append(line.decode())
                if "all of it in" in shown[-1]:
                    break
            else:
                raise AssertionError("".join(shown))
        file = Path(shown[-1].split(" in ", 1)[1].strip())
        yield json.loads(file.read_text()), process, "".join(shown)  # noqa: ASYNC240 - a small file
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGINT)
            await process.communicate()
