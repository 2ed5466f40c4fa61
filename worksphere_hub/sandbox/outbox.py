"""Webhooks on their way out: posted in order, signed for each attempt, tried again when the vendor would."""

import asyncio
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from worksphere_hub.sandbox.clock import SandboxClock, iso

Headers = Mapping[str, str]
Sign = Callable[[int, str | None], Headers]
Manner = Literal["deliver", "lose", "twice"]
_ANSWER_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """What a receiver answered, or why there is no answer: http_timeout or connection_failed."""

    status: int | None
    body: bytes = b""
    kind: str = ""
    failure: str | None = None

    @property
    def good(self) -> bool:
        """Whether it is a 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def reason(self) -> str | None:
        """Why it will be tried again; None when it is good."""
        return None if self.good else self.failure or "http_error"


@dataclass(frozen=True, slots=True)
class Message:
    """One webhook: `sign` makes the headers of an attempt from its number and why the last one failed."""

    provider: str
    event: str
    url: str
    body: bytes
    sign: Sign
    retries: tuple[float, ...] = ()
    timeout: float = 3.0
    accepted: "Callable[[Reply], bool]" = lambda reply: reply.good


@dataclass(slots=True)
class Delivery:
    """A message under way: pending, delivered, failed or lost."""

    id: str
    message: Message
    due_at: float
    state: str = "pending"
    attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    reason: str | None = None

    def view(self) -> dict[str, Any]:
        """As the control API shows it."""
        body = self.message.body.decode("utf-8", "replace")
        shown = {name: getattr(self.message, name) for name in ("provider", "event", "url")}
        return {"id": self.id, **shown, "body": body, "state": self.state, "attempts": self.attempts}


class Outbox:
    """All deliveries, and the task that makes them. `manner` is a fault: lose each one, or send each one twice."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._deliveries: list[Delivery] = []
        self._moved = asyncio.Event()
        self._idle = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self.manner: Manner = "deliver"

    def send(self, message: Message) -> list[Delivery]:
        """Put a message on its way."""
        made = [self._enter(message) for _ in range(2 if self.manner == "twice" else 1)]
        if self.manner == "lose":
            for delivery in made:
                delivery.state = "lost"
        self.wake()
        return made

    def list(self) -> list[Delivery]:
        """All of them, the oldest first."""
        return list(self._deliveries)

    def find(self, identity: str) -> Delivery | None:
        """One of them."""
        return next((delivery for delivery in self._deliveries if delivery.id == identity), None)

    def wake(self) -> None:
        """Look again at what is due: something was put in, or the clock was moved."""
        self._idle.clear()
        self._moved.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._run())

    async def settle(self) -> None:
        """Wait until everything that is due has been attempted."""
        while self._next(self._clock.epoch()) is not None:
            self._idle.clear()
            self.wake()
            await self._idle.wait()

    async def close(self) -> None:
        """Stop; what is under way stays where it is."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump

    def _enter(self, message: Message) -> Delivery:
        delivery = Delivery(f"delivery_{len(self._deliveries) + 1}", message, self._clock.epoch())
        self._deliveries.append(delivery)
        return delivery

    def _next(self, now: float) -> Delivery | None:
        due = [one for one in self._deliveries if one.state == "pending" and one.due_at <= now]
        return min(due, key=lambda one: one.due_at, default=None)

    async def _run(self) -> None:
        while True:
            self._moved.clear()
            while (delivery := self._next(self._clock.epoch())) is not None:
                await self._attempt(delivery)
            self._idle.set()
            waits = [one.due_at - self._clock.epoch() for one in self._deliveries if one.state == "pending"]
            with suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), max(0.0, min(waits)) if waits else None)

    async def _attempt(self, delivery: Delivery) -> None:
        message, number = delivery.message, len(delivery.attempts)
        headers = message.sign(number, delivery.reason)
        reply = await post(message.url, message.body, headers, message.timeout)
        good = message.accepted(reply)
        delivery.reason = None if good else reply.reason or "http_error"
        delivery.attempts.append({"at": iso(self._clock.now()), "status": reply.status, "reason": delivery.reason})
        if good:
            delivery.state = "delivered"
        elif number < len(message.retries):
            delivery.due_at = self._clock.epoch() + message.retries[number]
        else:
            delivery.state = "failed"


async def post(url: str, body: bytes, headers: Headers, timeout: float) -> Reply:  # noqa: ASYNC109 - the vendor's limit, which is told to the socket
    """One POST; redirects are not followed, and whatever happens is an answer."""
    return await asyncio.to_thread(_post, url, body, headers, timeout)


class _AsItIs(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """A redirect is an answer like any other; no vendor follows it."""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _AsItIs)


def _post(url: str, body: bytes, headers: Headers, seconds: float) -> Reply:
    try:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - checked where it is registered
        with _opener.open(request, timeout=seconds) as answer:
            kind = answer.headers.get_content_type()
            return Reply(answer.status, answer.read(_ANSWER_LIMIT), kind)
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read(_ANSWER_LIMIT), error.headers.get_content_type())
    except TimeoutError:
        return Reply(None, failure="http_timeout")
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        return Reply(None, failure="http_timeout" if late else "connection_failed")
    except (OSError, http.client.HTTPException, ValueError):
        return Reply(None, failure="connection_failed")
