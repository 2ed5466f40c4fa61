"""A connection to the sandbox: the calls of a connector as they are, without the hub around them."""

from typing import Any
from urllib.parse import quote

import httpx

from tests.connectors.legal import VENDORS, Legal
from tests.sandbox.control import Control
from tests.sdk.scripted import evaluate
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.errors import Transient


class SandboxApi:
    """Sends a connector's requests to a provider of the sandbox with a token, or one for each slot.

    When the provider has had enough, the sandbox's clock is put forward, where the hub would wait.
    """

    def __init__(self, sandbox: Control, path: str, tokens: dict[str, str] | str, **captured: Any) -> None:
        self.patient = True
        self._sandbox = sandbox
        base_url = sandbox.url + path
        self.settings: dict[str, Any] = {}
        self.captured = captured
        self.requests: list[Request] = []
        vendor = VENDORS.get(path.split("/")[1])
        # Salesforce publishes no description of its REST API that could be asked.
        self.legal = None if vendor is None else Legal(vendor)
        self._root = f"{sandbox.url}/{path.split('/')[1]}"
        self.tokens = {"main": tokens} if isinstance(tokens, str) else tokens
        self._client = httpx.AsyncClient(base_url=base_url, trust_env=False, timeout=10.0)

    def evaluate(self, source, value):
        return evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = await self._once(request)
        while answer.status == 429 and self.patient:
            self._sandbox.advance(1)
            answer = await self._once(request)
        return answer

    async def _once(self, request: Request) -> Answer:
        # The path is encoded already: nothing is to be encoded again.
        whole = str(self._client.base_url).rstrip("/") + request.path if request.path.startswith("/") else request.path
        url = httpx.URL(whole)
        if self.legal is not None:
            self.legal.check(request, whole.removeprefix(self._root))
        query = dict(request.query)
        headers = {**request.headers, "authorization": f"Bearer {self.tokens[request.slot]}"}
        try:
            reply = await self._client.request(
                request.method,
                url,
                params=query or None,
                headers=headers,
                json=request.json,
                data=request.form,
                content=request.body,
            )
        except httpx.TransportError as error:
            raise Transient(f"No answer: {type(error).__name__}.") from None
        return Answer(reply.status_code, dict(reply.headers), reply.content)

    async def send_delete(self, team: str, channel: str, message: str) -> None:
        """Somebody deletes a message in Teams."""
        path = f"/teams/{team}/channels/{quote(channel, safe='')}/messages/{message}/softDelete"
        assert (await self.send(Request("POST", path))).status == 204

    async def close(self) -> None:
        await self._client.aclose()


async def everything(stream, api, state=None, **only):
    """All records of a stream by their key, the keys that are gone, and the state at the end."""
    records, gone = {}, set()
    async for page in stream.read(api, state, only=only or None):
        for record in page.records:
            records[tuple(record[name] for name in stream.kind.primary_key)] = record
        gone |= set(page.deleted)
        state = page.state
    return records, gone, state
