"""The route class that answers a repeated write from memory."""

import functools
import inspect
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from worksphere_hub.http.caller import Caller
from worksphere_hub.http.errors import IdempotencyKeyReused, RequestInProgress
from worksphere_hub.http.idempotency import (
    HEADER,
    METHODS,
    REPLAYED,
    AnswerStore,
    InProgress,
    Mismatch,
    Stored,
    check_key,
    fingerprint,
)
from worksphere_hub.http.strict_route import Handler, StrictRequest, StrictRoute
from worksphere_hub.telemetry.logs import wide

Endpoint = Callable[..., Coroutine[Any, Any, Any]]

# Never part of a stored answer: they belong to one connection or one moment.
_NOT_KEPT = frozenset({"content-length", "set-cookie", "date", "x-request-id", REPLAYED})


@dataclass(slots=True)
class _Attempt:
    """One write that carries a key, on its way through the route."""

    request: Request
    store: AnswerStore
    key: str
    body: bytes
    org_claimed: Any = None  # the organization's id once the key is ours

    async def replay(self) -> Response | None:
        """Claim the key; returns the stored answer if there is one. Nothing to claim without a principal."""
        principal = cast("Caller | None", self.request.scope["state"].get("principal"))
        if principal is None:
            return None
        url = self.request.url
        path = f"{url.path}?{url.query}"
        digest = fingerprint(self.request.method, path, self.body, principal.label)
        claim = await self.store.claim(principal.org_id, self.key, digest)
        if isinstance(claim, Mismatch):
            raise IdempotencyKeyReused("Send a new key with a new request, or the same request again.")
        if isinstance(claim, InProgress):
            raise RequestInProgress(retry_after=1)
        if isinstance(claim, Stored):
            return Response(claim.body, claim.status, {**dict(claim.headers), REPLAYED: "true"})
        self.org_claimed = principal.org_id
        return None

    async def settle(self, response: Response | None) -> None:
        """Keep the answer, or give the key back when there is none worth keeping."""
        if self.org_claimed is None:
            return
        keep = response is not None and response.status_code < 500 and not isinstance(response, StreamingResponse)
        try:
            if response is not None and keep:
                headers = [pair for pair in response.headers.items() if pair[0] not in _NOT_KEPT]
                body = bytes(response.body)
                await self.store.finish(self.org_claimed, self.key, response.status_code, headers, body)
            else:
                await self.store.abandon(self.org_claimed, self.key)
        except Exception as error:  # noqa: BLE001 - the write is done; failing its answer now would have it done twice
            with wide("answer.unstored", org=self.org_claimed) as line:
                line.caught(error)


_attempt: ContextVar[_Attempt | None] = ContextVar("idempotent_attempt", default=None)


class IdempotentRoute(StrictRoute):
    """Honour Idempotency-Key on POST, PUT, PATCH and DELETE: `APIRouter(route_class=IdempotentRoute)`.

    The lifespan yields the AnswerStore as `answers`. The key is claimed after the dependencies have run (the
    principal is known, the body is valid) and just before the endpoint. A write must commit inside its
    endpoint: the answer is kept as soon as the endpoint has returned it.
    """

    def __init__(self, path: str, endpoint: Endpoint, **settings: Any) -> None:
        super().__init__(path, _claiming(endpoint), **settings)

    def get_route_handler(self) -> Handler:
        """Wrap the strict handler."""
        inner = super().get_route_handler()

        async def idempotent(request: Request) -> Response:
            offered = request.headers.get(HEADER)
            if offered is None or request.method not in METHODS:
                return await inner(request)
            key = check_key(offered)
            read = StrictRequest(request.scope, request.receive)
            attempt = _Attempt(read, request.state.answers, key, await read.body())
            token = _attempt.set(attempt)
            try:
                response = await inner(read)
            except Exception:
                await attempt.settle(None)
                raise
            finally:
                _attempt.reset(token)
            await attempt.settle(response)
            return response

        return idempotent


def _claiming(endpoint: Endpoint) -> Endpoint:
    """Put the claim in front of an endpoint without changing how the framework sees it."""
    if not inspect.iscoroutinefunction(endpoint):
        raise TypeError(f"{endpoint.__qualname__}: a route of this class must be `async def`.")

    @functools.wraps(endpoint)
    async def claimed(*args: Any, **kwargs: Any) -> Any:
        attempt = _attempt.get()
        replayed = None if attempt is None else await attempt.replay()
        return await endpoint(*args, **kwargs) if replayed is None else replayed

    return claimed
