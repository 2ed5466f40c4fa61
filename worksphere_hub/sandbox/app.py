"""The sandbox as one ASGI application: each provider under its name, and the control API beside them."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worksphere_hub.sandbox.clock import SandboxClock, iso
from worksphere_hub.sandbox.control import Control
from worksphere_hub.sandbox.delivery import Sent, hand_over
from worksphere_hub.sandbox.faults import Fault, Faults
from worksphere_hub.sandbox.google.provider import Google
from worksphere_hub.sandbox.microsoft.provider import Microsoft
from worksphere_hub.sandbox.outbox import Outbox
from worksphere_hub.sandbox.provider import Provider, World
from worksphere_hub.sandbox.rates import Rates
from worksphere_hub.sandbox.request_log import RequestLog
from worksphere_hub.sandbox.salesforce.provider import Salesforce
from worksphere_hub.sandbox.seeds import moment, whole_seed
from worksphere_hub.sandbox.slack.provider import Slack
from worksphere_hub.sandbox.wire import Answered, Json, Malformed
from worksphere_hub.sandbox.zoom.provider import Zoom

KINDS: tuple[Callable[[World, Json], Provider], ...] = (Slack, Google, Salesforce, Microsoft, Zoom)


class Sandbox:
    """One instance: its state is in memory, made from its seed, and gone with it."""

    def __init__(self, seed: Json | None = None, *, public_url: str | None = None) -> None:
        """`seed` as `seeds.whole_seed` takes it; `public_url` is how callers reach it, where a proxy is in between."""
        self._seed = seed
        self._public_url = public_url.rstrip("/") if public_url else None
        self.addresses: dict[str, str] = {}
        self.faults = Faults()
        self.log = RequestLog()
        self.world: World
        self.providers: dict[str, Provider]
        self._routers: dict[str, Router]
        self._last: dict[tuple[str, str, str], Sent] = {}
        self.load(seed)
        self._control = Control(self).router()

    def load(self, seed: Json | None) -> None:
        """Begin anew: with this seed, or with the one it was made with. Raises WrongSeed."""
        whole = whole_seed(self._seed if seed is None else seed)
        start = moment(whole["start"], SandboxClock().now()) if whole["start"] else None
        clock = SandboxClock(start)
        self.world = World(
            clock, Outbox(clock), Rates(clock.epoch), limits=bool(whole["limits"]), addresses=self.addresses
        )
        made = [kind(self.world, whole[kind.name]) for kind in KINDS]  # pyright: ignore[reportFunctionMemberAccess] - a class's name
        self.providers = {provider.name: provider for provider in made}
        self._routers = {name: _router(provider) for name, provider in self.providers.items()}
        self._last.clear()
        self.faults.clear()
        self.log.clear()

    async def close(self) -> None:
        """Stop sending webhooks."""
        await self.world.outbox.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request below a provider's name, or to the control API."""
        if scope["type"] != "http":
            return
        name, _, rest = scope["path"].lstrip("/").partition("/")
        if name in self.providers:
            await self._serve(name, _within(scope, f"/{rest}", f"/{name}", self._public_url), receive, send)
        else:
            await self._control(scope, receive, send)

    def only(self, name: str) -> ASGIApp:
        """The application of one provider at the root, for a port of its own."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                await self._serve(name, _within(scope, scope["path"], "", None), receive, send)

        return app

    async def _serve(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        provider, method, path = self.providers[name], scope["method"], scope["path"]
        provider.upkeep()
        fault = self.faults.take(name, method, path)
        sent = await self._work(provider, scope, receive, fault)
        query = scope["query_string"].decode("latin-1")
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in scope["headers"]]
        silent = fault is not None and fault.kind in {"timeout", "disconnect"}
        end = (None if silent or sent is None else sent.status, fault.id if fault else None)
        self.log.add(iso(self.world.clock.now()), (name, method, path, query), headers, end)
        await hand_over(sent, fault, receive, send)

    async def _work(self, provider: Provider, scope: Scope, receive: Receive, fault: Fault | None) -> Sent | None:
        """Do what is asked, or what the fault has instead; None when there is nothing to answer."""
        key = (provider.name, scope["method"], scope["path"])
        if fault is not None:
            if fault.before and fault.kind in {"timeout", "disconnect"}:
                return None
            if instead := _instead(provider, scope["path"], fault):
                return Sent.of(instead)
            if fault.kind == "duplicate" and key in self._last:
                return self._last[key]
        sent = await _run(self._routers[provider.name], provider, scope, receive)
        self._last[key] = sent
        return sent


def _instead(provider: Provider, path: str, fault: Fault) -> Response | None:
    if fault.kind == "rate_limit":
        return provider.rate_limited(path, fault.retry_after)
    if fault.kind == "error":
        return provider.broken(path, fault.status)
    return provider.token_expired(path) if fault.kind == "expired_token" else None


async def _run(router: Router, provider: Provider, scope: Scope, receive: Receive) -> Sent:
    """What the provider answers, whole."""
    try:
        return await _collect(router, scope, receive)
    except Answered as decided:
        return Sent.of(decided.response)
    except Malformed as why:
        return Sent.of(provider.malformed(scope["path"], str(why)))


async def _collect(app: ASGIApp, scope: Scope, receive: Receive) -> Sent:
    start: Message = {}
    pieces: list[bytes] = []

    async def keep(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            pieces.append(message.get("body", b""))

    await app(scope, receive, keep)
    return Sent(start["status"], list(start["headers"]), b"".join(pieces))


def _router(provider: Provider) -> Router:
    async def missing(scope: Scope, receive: Receive, send: Send) -> None:
        await provider.missing(scope["path"])(scope, receive, send)

    return Router(list(provider.routes()), redirect_slashes=False, default=missing)


def _within(scope: Scope, path: str, mount: str, public: str | None) -> Scope:
    added: dict[str, Any] = {"path": path, "root_path": "", "sandbox.mount": mount, "sandbox.public": public}
    return {**scope, **added}
