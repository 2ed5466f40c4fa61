"""One call to the hub: encoded, sent, sent again if that helps, and read."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from worksphere_hub import ids
from worksphere_hub.client.errors import HubRefused, Unreachable, refusal
from worksphere_hub.client.retry import Patience, passes, read_retry_after, wait_before

if TYPE_CHECKING:
    from worksphere_hub.client.transport import Answer, Transport

Json = dict[str, Any]


@dataclass(slots=True)
class Calls:
    """Calls to one hub with one key. `timeout` in seconds is that of one try, its answer's body included."""

    base_url: str
    headers: dict[str, str] = field(repr=False)
    timeout: float
    patience: Patience
    _transport: "Transport | None" = field(default=None, init=False, repr=False)

    async def read(self, path: str, query: Mapping[str, object] | None = None) -> Json:
        """GET an object."""
        given = {name: value for name, value in (query or {}).items() if value is not None}
        found, _ = await self._call("GET", f"{path}?{urlencode(given)}" if given else path, {}, None)
        return found

    async def write(
        self, method: str, path: str, body: object = None, *, key: str | None = None, keyless: bool = False
    ) -> tuple[Json, bool]:
        """Send something that changes something; answers an object, and whether it is the answer of an earlier time.

        It carries an idempotency key, one of its own if none is given, so that sending it again is harmless, unless
        the body itself says what makes it unique (`keyless`).
        """
        headers = {} if keyless else {"idempotency-key": key or ids.new_hex()}
        if body is None:
            return await self._call(method, path, headers, None)
        headers["content-type"] = "application/json"
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        return await self._call(method, path, headers, content)

    async def pages(self, path: str, query: Mapping[str, object] | None = None) -> AsyncIterator[Json]:
        """The entries of a list, page after page, as they are asked for."""
        cursor: object = None
        while True:
            page = await self.read(path, {**(query or {}), "cursor": cursor})
            for entry in page["data"]:
                yield entry
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    async def close(self) -> None:
        """Let go of the connections. A later call makes new ones."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.close()

    async def _call(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> tuple[Json, bool]:
        retry = 0
        while True:
            retry += 1
            try:
                answer = await self._open().send(method, path, headers, body)
                return _read(answer), answer.replayed
            except Unreachable:
                wait = wait_before(self.patience, retry, None, random.random())  # noqa: S311 - jitter
                if wait is None:
                    raise
            except HubRefused as refused:
                if not passes(refused.status, refused.code):
                    raise
                wait = wait_before(self.patience, retry, refused.retry_after, random.random())  # noqa: S311 - jitter
                if wait is None:
                    raise
            await asyncio.sleep(wait)

    def _open(self) -> "Transport":
        if self._transport is None:
            # Whoever only verifies, or writes to the outbox, needs no HTTP library.
            from worksphere_hub.client.transport import Transport  # noqa: PLC0415

            self._transport = Transport(self.base_url, self.headers, self.timeout)
        return self._transport


def _read(answer: "Answer") -> Json:
    try:
        found: object = json.loads(answer.body) if answer.body else {}
    except ValueError:
        found = None
    if 200 <= answer.status < 300 and isinstance(found, dict):
        return found  # pyright: ignore[reportUnknownVariableType] - the hub's own document
    raise refusal(answer.status, found, read_retry_after(answer.retry_after))
