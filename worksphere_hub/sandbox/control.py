"""The control API under `/_sandbox`: what a test or a curious person may see and change from outside."""

from html import escape
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, Router

from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.errors import SandboxRefusal, UnknownProvider
from worksphere_hub.sandbox.faults import KINDS
from worksphere_hub.sandbox.provider import Provider, checked_address
from worksphere_hub.sandbox.wire import Call, Handler, Json, Malformed, answer, empty, route, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.app import Sandbox


class Control:
    """The handlers; each answers JSON, and a refusal is `{"error": sentence}` with 422."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def router(self) -> Router:
        """Every route."""
        table: dict[tuple[str, str], Handler] = {
            ("GET", "/"): self._front,
            ("GET", "/_sandbox"): self._overview,
            ("POST", "/_sandbox/reset"): self._reset,
            ("GET", "/_sandbox/faults"): self._faults,
            ("POST", "/_sandbox/faults"): self._add_fault,
            ("DELETE", "/_sandbox/faults"): self._clear_faults,
            ("DELETE", "/_sandbox/faults/{id}"): self._remove_fault,
            ("GET", "/_sandbox/requests"): self._requests,
            ("DELETE", "/_sandbox/requests"): self._clear_requests,
            ("GET", "/_sandbox/clock"): self._clock,
            ("POST", "/_sandbox/clock"): self._advance,
            ("POST", "/_sandbox/apps"): self._register,
            ("POST", "/_sandbox/tokens"): self._issue,
            ("POST", "/_sandbox/tokens/end"): self._end_tokens,
            ("PUT", "/_sandbox/receivers"): self._listen,
            ("GET", "/_sandbox/webhooks"): self._webhooks,
            ("POST", "/_sandbox/webhooks"): self._trigger,
            ("POST", "/_sandbox/webhooks/{id}/resend"): self._resend,
            ("POST", "/_sandbox/settle"): self._settle,
            ("PATCH", "/_sandbox/settings"): self._settings,
        }
        return Router([self._route(*key, handler) for key, handler in table.items()], default=_missing)

    def _route(self, method: str, path: str, handler: Handler) -> Route:
        async def stated(call: Call) -> Response:
            try:
                done = handler(call)
                return done if isinstance(done, Response) else await done
            except (SandboxRefusal, Malformed, ValueError) as refusal:
                return answer({"error": str(refusal)}, 422)

        return route(method, path, stated)

    def _provider(self, name: Any) -> Provider:
        found = self._sandbox.providers.get(str(name))
        if found is None:
            raise UnknownProvider(f"provider must be one of {', '.join(self._sandbox.providers)}.")
        return found

    def _front(self, call: Call) -> Response:
        rows = "".join(
            f"<h2>{escape(name)}</h2><dl>{_pairs(provider.endpoints(f'{call.base}/{name}'))}</dl>"
            f"<p>Apps: {', '.join(f'<code>{escape(app)}</code>' for app in provider.book.apps)}</p>"
            for name, provider in self._sandbox.providers.items()
        )
        return HTMLResponse(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Provider sandbox</title></head>'
            f'<body><main><h1>Provider sandbox</h1><p>All of it as JSON: <a href="/_sandbox">/_sandbox</a></p>{rows}'
            "</main></body></html>"
        )

    def _overview(self, call: Call) -> Response:
        base = call.base
        providers = {name: _view(one, f"{base}/{name}") for name, one in self._sandbox.providers.items()}
        return answer({"now": iso(self._sandbox.world.clock.now()), "fault_kinds": KINDS, "providers": providers})

    async def _reset(self, call: Call) -> Response:
        await self._sandbox.close()
        self._sandbox.load(call.object().get("seed") if call.body else None)
        return empty()

    def _faults(self, _call: Call) -> Response:
        return answer({"data": [fault.view() for fault in self._sandbox.faults.list()]})

    def _add_fault(self, call: Call) -> Response:
        wanted = call.object()
        if wanted.get("provider", "*") != "*":
            self._provider(wanted["provider"])
        return answer(self._sandbox.faults.add(wanted).view(), 201)

    def _clear_faults(self, _call: Call) -> Response:
        self._sandbox.faults.clear()
        return empty()

    def _remove_fault(self, call: Call) -> Response:
        return empty() if self._sandbox.faults.remove(call.part("id")) else answer({"error": "no such fault"}, 404)

    def _requests(self, call: Call) -> Response:
        wanted = {name: call.query[name] for name in ("provider", "path", "method") if name in call.query}
        found = self._sandbox.log.find(**wanted, after=whole(call.query.get("after"), 0))
        return answer({"data": [entry.view() for entry in found]})

    def _clear_requests(self, _call: Call) -> Response:
        self._sandbox.log.clear()
        return empty()

    def _clock(self, _call: Call) -> Response:
        return answer({"now": iso(self._sandbox.world.clock.now())})

    def _advance(self, call: Call) -> Response:
        wanted, clock = call.object(), self._sandbox.world.clock
        if wanted.get("stop"):
            clock.stop()
        clock.advance(float(wanted.get("advance", 0)))
        for provider in self._sandbox.providers.values():
            provider.upkeep()
        self._sandbox.world.outbox.wake()
        return self._clock(call)

    def _register(self, call: Call) -> Response:
        wanted = call.object()
        app = self._provider(wanted.get("provider")).register(wanted)
        return answer({"client_id": app.client_id, "client_secret": app.client_secret}, 201)

    def _issue(self, call: Call) -> Response:
        wanted = call.object()
        provider = self._provider(wanted.get("provider"))
        app, account = provider.app(wanted.get("client_id")), provider.account(wanted.get("account"))
        return answer(provider.issue(app, account, tuple(wanted.get("scopes") or app.scopes)), 201)

    def _end_tokens(self, call: Call) -> Response:
        wanted = call.object()
        how = wanted.get("how", "expire")
        if how not in {"expire", "revoke"}:
            raise SandboxRefusal("how must be expire or revoke.")
        book = self._provider(wanted.get("provider")).book
        return answer({"ended": book.end_tokens(how, wanted.get("kind"), wanted.get("account"))})

    async def _listen(self, call: Call) -> Response:
        wanted = call.object()
        provider = self._provider(wanted.get("provider"))
        url = checked_address(str(wanted.get("url", "")))
        return answer(await provider.listen(provider.app(wanted.get("client_id")), url, wanted))

    def _webhooks(self, call: Call) -> Response:
        provider = call.query.get("provider")
        found = [one for one in self._sandbox.world.outbox.list() if provider in {None, one.message.provider}]
        return answer({"data": [one.view() for one in found]})

    def _trigger(self, call: Call) -> Response:
        wanted = call.object()
        provider = self._provider(wanted.get("provider"))
        if wanted.get("url"):
            checked_address(str(wanted["url"]))
        sent = provider.trigger(str(wanted.get("event", "")), wanted)
        return answer({"data": [one.view() for one in sent]}, 201)

    def _resend(self, call: Call) -> Response:
        known = self._sandbox.world.outbox.find(call.part("id"))
        if known is None:
            return answer({"error": "no such webhook"}, 404)
        sent = self._sandbox.world.outbox.send(known.message)
        return answer({"data": [one.view() for one in sent]}, 201)

    async def _settle(self, _call: Call) -> Response:
        await self._sandbox.world.outbox.settle()
        return empty()

    def _settings(self, call: Call) -> Response:
        wanted = call.object()
        world = self._sandbox.world
        world.limits = bool(wanted.get("limits", world.limits))
        for name, lifetimes in wanted.get("lifetimes", {}).items():
            self._provider(name).life.update(lifetimes)
        manner = wanted.get("webhooks", world.outbox.manner)
        if manner not in {"deliver", "lose", "twice"}:
            raise SandboxRefusal("webhooks must be deliver, lose or twice.")
        world.outbox.manner = manner
        return answer({"limits": world.limits, "webhooks": manner})


def _view(provider: Provider, base: str) -> Json:
    apps = [
        {"client_id": app.client_id, "client_secret": app.client_secret, "name": app.name,
         "redirect_uris": app.redirect_uris, "scopes": app.scopes, "settings": app.settings}
        for app in provider.book.apps.values()
    ]  # fmt: skip
    accounts = [{"id": one.id, "name": one.name, "email": one.email} for one in provider.accounts()]
    return {**provider.endpoints(base), "apps": apps, "accounts": accounts}


def _pairs(values: dict[str, str]) -> str:
    return "".join(f"<dt>{escape(key)}</dt><dd><code>{escape(value)}</code></dd>" for key, value in values.items())


async def _missing(scope: Any, receive: Any, send: Any) -> None:
    path = Request(scope).url.path
    await answer({"error": f"Nothing is at {path}; see /_sandbox."}, 404)(scope, receive, send)
