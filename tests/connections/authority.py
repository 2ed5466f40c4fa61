"""An authorization server and an API beside it, strict where providers are: families, PKCE, one-time codes."""

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from tests.http.driving import serving

CLIENT, SECRET = "the-client", "the-client-secret"


@dataclass
class Authority:
    """What it does is set on its attributes; what it saw is in them, too."""

    rotation: str = "family"  # none, rotating, family
    expires_in: Any = 3600
    scope: str | None = "read write"
    answers: list[tuple[int, Any]] = field(default_factory=list)  # these first, whatever is asked
    issuer: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    families: dict[str, dict[str, Any]] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    access_tokens: dict[str, str] = field(default_factory=dict)
    calls: list[dict[str, str]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    devices: dict[str, str] = field(default_factory=dict)
    api: list[dict[str, Any]] = field(default_factory=list)
    api_answers: list[tuple[int, dict[str, str], Any]] = field(default_factory=list)
    hold: asyncio.Event | None = None  # replies wait for it, after their effect
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    keys: set[str] = field(default_factory=set)  # API keys that the API takes
    port: int = 0

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def count(self, grant: str) -> int:
        """How many token requests of a grant came."""
        return sum(call.get("grant_type") == grant for call in self.calls)

    def expire_access_tokens(self) -> None:
        self.access_tokens.clear()

    def authorize(self, query: dict[str, str]) -> str:
        """What the consent page does when the owner agrees: a code for exactly this client, address and challenge."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        assert query["client_id"] == CLIENT
        code = secrets.token_urlsafe(8)
        self.codes[code] = query
        return code

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope["raw_path"].decode()
        if path in {"/token", "/revoke", "/device"}:
            status, answer = self._oauth(path, headers, body)
            extra: dict[str, str] = {}
            self.asked.set()
            if self.hold is not None:
                await self.hold.wait()
        else:
            status, extra, answer = self._api(scope, path, headers, body)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        head = [pair for pair in head if pair[0].decode() not in extra]
        head += [(name.encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": content})

    def _oauth(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        self.calls.append(form)
        if self.answers:
            return self.answers.pop(0)
        if path == "/revoke":
            self.revoked.append(form["token"])
            return 200, {}
        scheme, _, pair = headers.get("authorization", "").partition(" ")
        known = scheme == "Basic" and [unquote_plus(each) for each in base64.b64decode(pair).decode().split(":")]
        if path == "/device":
            code = secrets.token_urlsafe(8)
            self.devices[code] = "pending"
            return 200, {
                "device_code": code, "user_code": "ABCD-EFGH", "verification_uri": f"{self.base}/activate",
                "expires_in": 300, "interval": 1,
            }  # fmt: skip
        if known != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        grant = form.get("grant_type", "")
        handler = {
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            "client_credentials": lambda _: self._issue(None),
            "urn:ietf:params:oauth:grant-type:device_code": self._device,
        }.get(grant)
        return (400, {"error": "unsupported_grant_type"}) if handler is None else handler(form)

    def _code(self, form: dict[str, str]) -> tuple[int, Any]:
        query = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or query["redirect_uri"] != form.get("redirect_uri") or query["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        return self._issue(self._family())

    def _family(self) -> str:
        family = secrets.token_urlsafe(6)
        self.families[family] = {"alive": True}
        return family

    def _device(self, form: dict[str, str]) -> tuple[int, Any]:
        state = self.devices.get(form.get("device_code", ""))
        if state == "agreed":
            return self._issue(self._family())
        return 400, {"error": "authorization_pending" if state == "pending" else "access_denied"}

    def _refresh(self, form: dict[str, str]) -> tuple[int, Any]:
        family = self.refresh_tokens.get(form.get("refresh_token", ""))
        if family is None or not self.families[family]["alive"]:
            return 400, {"error": "invalid_grant"}
        if self.rotation == "none":
            return self._issue(family, refresh=False)
        current = self.families[family].get("current")
        if form["refresh_token"] != current:
            if self.rotation == "family":
                # Reuse: somebody has stolen it. Everything goes.
                self.families[family]["alive"] = False
                self.access_tokens = {token: owner for token, owner in self.access_tokens.items() if owner != family}
            return 400, {"error": "invalid_grant"}
        return self._issue(family)

    def _issue(self, family: str | None, *, refresh: bool = True) -> tuple[int, Any]:
        access = f"at-{secrets.token_urlsafe(12)}"
        self.access_tokens[access] = family or ""
        answer: dict[str, Any] = {"access_token": access, "token_type": "Bearer"}
        if self.expires_in is not None:
            answer["expires_in"] = self.expires_in
        if self.scope is not None:
            answer["scope"] = self.scope
        if family is not None and refresh:
            token = f"rt-{secrets.token_urlsafe(12)}"
            self.refresh_tokens[token] = family
            self.families[family]["current"] = token
            answer["refresh_token"] = token
        return 200, answer

    def _api(self, scope: Any, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], Any]:
        query = scope["query_string"].decode()
        self.api.append({"method": scope["method"], "path": path, "query": query, "headers": headers, "body": body})
        if self.api_answers:
            return self.api_answers.pop(0)
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.access_tokens and headers.get("x-api-key") not in self.keys:
            return 401, {}, {"error": "invalid_token"}
        return 200, {}, {"id": 7, "name": "Acme", "path": path, "query": query, "body": body.decode("latin-1")}


@asynccontextmanager
async def running(**given: Any) -> AsyncIterator[Authority]:
    """One on a loopback port."""
    authority = Authority(**given)
    async with serving(authority) as port:
        authority.port = port
        yield authority
