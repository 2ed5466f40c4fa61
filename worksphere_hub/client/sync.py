"""The client for programs without an event loop: the same methods, each waiting for its result."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from worksphere_hub.client.hub import AsyncHub
from worksphere_hub.client.retry import Patience

P = ParamSpec("P")
T = TypeVar("T")
_END = object()


class _Waiting(Generic[P, T]):
    """A method of AsyncHub that waits: the signature stays, the coroutine goes."""

    def __init__(self, method: Callable[Concatenate[AsyncHub, P], Coroutine[Any, Any, T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, hub: None, owner: type) -> Self: ...
    @overload
    def __get__(self, hub: "Hub", owner: type) -> Callable[P, T]: ...
    def __get__(self, hub: "Hub | None", owner: type) -> Self | Callable[P, T]:
        if hub is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return hub.wait_for(self._method(hub.inner, *args, **kwargs))

        return call


class _Iterating(Generic[P, T]):
    """A list of AsyncHub, one entry after the other, page after page."""

    def __init__(self, method: Callable[Concatenate[AsyncHub, P], AsyncIterator[T]]) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    @overload
    def __get__(self, hub: None, owner: type) -> Self: ...
    @overload
    def __get__(self, hub: "Hub", owner: type) -> Callable[P, Iterator[T]]: ...
    def __get__(self, hub: "Hub | None", owner: type) -> Self | Callable[P, Iterator[T]]:
        if hub is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            entries = self._method(hub.inner, *args, **kwargs)
            while (entry := hub.wait_for(anext(entries, _END))) is not _END:
                yield entry  # pyright: ignore[reportReturnType] - not the end, so an entry

        return call


class Hub:
    """AsyncHub for threads: safe to share among them. Not across a fork: make it in the child."""

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        organization: str | None = None,
        timeout: float = 15.0,
        patience: Patience | None = None,
    ) -> None:
        """See AsyncHub."""
        self.inner = AsyncHub(base_url, key, organization=organization, timeout=timeout, patience=patience)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worksphere-hub-client", daemon=True)
        self._thread.start()

    publish = _Waiting(AsyncHub.publish)
    publish_batch = _Waiting(AsyncHub.publish_batch)
    events = _Iterating(AsyncHub.events)
    event = _Waiting(AsyncHub.event)
    verdicts = _Iterating(AsyncHub.verdicts)
    deliveries = _Iterating(AsyncHub.deliveries)
    delivery = _Waiting(AsyncHub.delivery)
    attempts = _Iterating(AsyncHub.attempts)
    endpoints = _Iterating(AsyncHub.endpoints)
    endpoint = _Waiting(AsyncHub.endpoint)
    create_endpoint = _Waiting(AsyncHub.create_endpoint)
    update_endpoint = _Waiting(AsyncHub.update_endpoint)
    delete_endpoint = _Waiting(AsyncHub.delete_endpoint)
    enable_endpoint = _Waiting(AsyncHub.enable_endpoint)
    disable_endpoint = _Waiting(AsyncHub.disable_endpoint)
    rotate_secret = _Waiting(AsyncHub.rotate_secret)
    test_endpoint = _Waiting(AsyncHub.test_endpoint)

    def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Run something on the client's own loop, and wait for it."""

        async def run() -> T:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """Let go of the connections and end the thread."""
        if self._loop.is_closed():
            return
        self.wait_for(self.inner.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
