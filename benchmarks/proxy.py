"""What a call through a connection takes longer than the same call made directly, in one run, turn by turn."""

import asyncio
import json
import time
import urllib.request
from datetime import timedelta
from typing import Any

from pyreqwest.client import Client, ClientBuilder

from benchmarks.stage import Stage, stage

_ANSWER = b'{"id":7,"name":"Acme"}' + b" " * 1_000
_RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(_ANSWER),
    _ANSWER,
)


class _Api(asyncio.Protocol):
    """A provider's API that answers at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request."""
        assert isinstance(self._transport, asyncio.Transport)
        for _ in range(data.count(b"\r\n\r\n")):
            self._transport.write(_RESPONSE)


def run(seconds: float, rounds: int) -> list[tuple[str, str]]:
    """Latency of single calls, direct and through the hub, with a budget and without one."""
    with stage() as made:
        made.organization("bench")
        return asyncio.run(_measure(made, seconds * rounds))


async def _measure(made: Stage, seconds: float) -> list[tuple[str, str]]:
    server = await asyncio.get_running_loop().create_server(_Api, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    base = f"http://127.0.0.1:{port}/v1"
    rows: list[tuple[str, str]] = []
    for what, rates in (("", []), (" with a shared rate budget", [{"name": "all", "limit": 10**7, "per_seconds": 1}])):
        connection = await asyncio.to_thread(_connect, made, port, base, rates)
        through = f"http://127.0.0.1:{made.hub_port}/v1/connections/{connection}/proxy/things"
        direct, proxied = await _turns(f"{base}/things", through, made.keys["bench"], seconds / 2)
        rows.append(
            (
                f"call through a connection{what}: p50, p95 (direct: p50, p95); added p50, p95 (aim: p50 under 3 ms)",
                (
                    f"{_ms(proxied, 50)}, {_ms(proxied, 95)} ({_ms(direct, 50)}, {_ms(direct, 95)}) ms; "
                    f"{_at(proxied, 50) - _at(direct, 50):.2f}, {_at(proxied, 95) - _at(direct, 95):.2f} ms"
                    f" of {len(proxied)} calls"
                ),
            )
        )
    server.close()
    return rows


async def _turns(direct_url: str, proxied_url: str, key: str, seconds: float) -> tuple[list[float], list[float]]:
    """One direct, one through the hub, and so on: what else the machine does then hits both alike."""
    direct: list[float] = []
    proxied: list[float] = []
    async with ClientBuilder().timeout(timedelta(seconds=15)).no_proxy().build() as client:
        for _ in range(50):
            await _call(client, proxied_url, key)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            direct.append(await _call(client, direct_url, "none"))
            proxied.append(await _call(client, proxied_url, key))
    return direct, proxied


async def _call(client: Client, url: str, key: str) -> float:
    begun = time.perf_counter()
    response = await client.get(url).header("authorization", f"Bearer {key}").build().send()
    await response.bytes()
    assert response.status == 200, response.status
    return (time.perf_counter() - begun) * 1000


def _connect(made: Stage, port: int, base: str, rates: list[dict[str, Any]]) -> str:
    fields = {"type": "object", "required": ["key"], "properties": {"key": {"type": "string", "writeOnly": True}}}
    manifest = {
        "slug": f"bench-{len(rates)}",
        "name": "Bench",
        "version": "1.0.0",
        "category": "api",
        "summary": "An API that answers at once.",
        "hosts": [f"127.0.0.1:{port}"],
        "auth": {"key": {"type": "api_key", "label": "Key", "fields": fields,
                         "place": [{"name": "X-Key", "value": "${credential.key}"}]}},
        "api": {"base_url": base, "rates": rates},
    }  # fmt: skip
    integration = _post(made, "/v1/integrations", {"manifest": manifest})["id"]
    _post(made, f"/v1/integrations/{integration}/publish", None)
    instance = _post(made, "/v1/instances", {"integration_id": integration, "name": f"Bench {len(rates)}"})["id"]
    wanted = {"instance_id": instance, "name": "Bench", "credential": {"key": "secret"}}
    return _post(made, "/v1/connections", wanted)["id"]


def _post(made: Stage, path: str, body: Any) -> dict[str, Any]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{made.hub_port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {made.keys['bench']}", "content-type": "application/json"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def _at(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def _ms(values: list[float], percent: int) -> str:
    return f"{_at(values, percent):.2f}"
