"""The publish routes, as bare ASGI handlers: this is the hot path, and a framework would cost it more than the rest."""

import logging
import re
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from worksphere_hub import clock
from worksphere_hub.accounts.authenticate import Authenticator
from worksphere_hub.accounts.errors import Forbidden
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import origin
from worksphere_hub.errors import FieldProblem, HubError, InvalidInput, Unavailable
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.contract_book import ContractBook
from worksphere_hub.events.errors import EventContractViolated, InvalidEvent
from worksphere_hub.events.message import EventInput, prepare
from worksphere_hub.events.models import Accepted, NewEvent
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.events.violations import Violation
from worksphere_hub.http.answers import send_answer, send_problem
from worksphere_hub.http.errors import BodyTooLarge, MalformedJson
from worksphere_hub.http.headers import request_id
from worksphere_hub.http.limits import check_depth
from worksphere_hub.http.reading import announced_length, discard_body, read_body
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.telemetry.metrics import Metrics

_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotency-replayed", b"true")
_IDEMPOTENCY_KEY = re.compile(rb"[\x21-\x7e]{1,255}\Z")
_PATH_IN_MESSAGE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]*)`")
_MISSING = re.compile(r"missing required field `(?P<name>[^`]*)`")


class BatchInput(msgspec.Struct, forbid_unknown_fields=True):
    """Several events in one request."""

    events: list[EventInput]


_decode_one = msgspec.json.Decoder(EventInput).decode
_decode_batch = msgspec.json.Decoder(BatchInput).decode


class Publisher:
    """Serves `POST /v1/events` and `POST /v1/events/batch`."""

    def __init__(
        self,
        authenticator: Authenticator,
        acceptor: Acceptor,
        book: ContractBook,
        settings: EventSettings,
        metrics: Metrics,
    ) -> None:
        self._authenticator = authenticator
        self._acceptor = acceptor
        self._book = book
        self._settings = settings
        self._metrics = metrics

    async def publish(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept one event: 202 once it is committed."""
        try:
            principal, key, body = await self._admit(scope, receive)
            given = _read(_decode_one, body)
            event = prepare(given, principal.org, clock.now(), self._settings, idempotency_key=key)
            warned = None
            if self._book.binds(principal.org, given.type):
                warned = await self._hold(principal, given)
            accepted = await self._acceptor.accept(event)
        except HubError as error:
            await self._refuse(error, scope, receive, send)
            return
        payload = _accepted_json(accepted, warned)
        headers = [_JSON, (b"content-length", b"%d" % len(payload))]
        if accepted.replayed:
            headers.append(_REPLAYED)
        await send_answer(scope, send, 202, headers, payload)

    async def publish_batch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept up to a thousand events, each for itself: 202 when all are committed, else 207."""
        try:
            principal, key, body = await self._admit(scope, receive)
            if key is not None:
                raise InvalidInput(
                    "A batch takes no Idempotency-Key: give each event an `id` of its own instead.",
                    problems=[FieldProblem("Idempotency-Key", "is not for batches")],
                )
            outcomes, warned = await self._accept_batch(principal, _read(_decode_batch, body))
        except HubError as error:
            await self._refuse(error, scope, receive, send)
            return
        parts = [_outcome_json(outcome, warned.get(index)) for index, outcome in enumerate(outcomes)]
        payload = b'{"data":[' + b",".join(parts) + b"]}"
        status = 207 if any(isinstance(outcome, HubError) for outcome in outcomes) else 202
        await send_answer(scope, send, status, [_JSON, (b"content-length", b"%d" % len(payload))], payload)

    async def _refuse(self, error: HubError, scope: Scope, receive: Receive, send: Send) -> None:
        self._metrics.problems.labels(error.code).inc()
        with wide("event.refused", request_id=request_id(scope), route=scope["path"]) as line:
            line.fail(error.code, level=logging.ERROR if error.status >= 500 else logging.INFO)
        if isinstance(error, BodyTooLarge):
            await discard_body(scope, receive)
        await send_problem(scope, send, error)

    async def _admit(self, scope: Scope, receive: Receive) -> tuple[Principal, str | None, bytes]:
        """Check who asks and what it may cost, in that order, and read the body."""
        authorization = organization = key = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value.decode("latin-1")
            elif name == b"hub-organization":
                organization = value.decode("latin-1")
            elif name == b"idempotency-key":
                key = value
        principal = await self._authenticator.authenticate(authorization, organization)
        try:
            principal.require("events:publish")
        except Forbidden as refused:
            asked = principal.coming_from(origin(Request(scope)))
            await self._authenticator.record_refusal(asked, refused, f"POST {scope['path']}")
            raise
        if key is not None and not _IDEMPOTENCY_KEY.match(key):
            message = "must be 1 to 255 visible ASCII characters"
            raise InvalidInput(f"Idempotency-Key {message}.", problems=[FieldProblem("Idempotency-Key", message)])
        if announced_length(scope) > self._settings.body_limit:
            raise BodyTooLarge(self._settings.body_limit)
        return principal, key.decode() if key else None, await read_body(receive, self._settings.body_limit)

    async def _accept_batch(
        self, principal: Principal, batch: BatchInput
    ) -> tuple[list[Accepted | HubError], dict[int, Violation]]:
        if not 1 <= len(batch.events) <= self._settings.batch_limit:
            message = f"must hold 1 to {self._settings.batch_limit} events; this one holds {len(batch.events)}"
            raise InvalidEvent(f"events {message}.", problems=[FieldProblem("events", message)])
        now = clock.now()
        outcomes: list[Accepted | HubError | None] = [None] * len(batch.events)
        warned: dict[int, Violation] = {}
        good: list[tuple[int, NewEvent]] = []
        for index, given in enumerate(batch.events):
            where = f"events.{index}."
            try:
                event = prepare(given, principal.org, now, self._settings, where=where)
                if self._book.binds(principal.org, given.type):
                    violation = await self._hold(principal, given, where)
                    if violation is not None:
                        warned[index] = violation
            except Unavailable:
                raise
            except HubError as error:
                outcomes[index] = error
            else:
                good.append((index, event))
        accepted = await self._acceptor.accept_all([event for _, event in good])
        for (index, _), outcome in zip(good, accepted, strict=True):
            outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None], warned

    async def _hold(self, principal: Principal, given: EventInput, where: str = "") -> Violation | None:
        """Hold an event to the contract of its type: raises when it is refused, answers what it is warned of."""
        violation = await self._book.check(principal.org, given.type, bytes(given.data), f"{where}data")
        if violation is None:
            return None
        self._metrics.contracts_violated.labels(violation.enforcement).inc()
        if violation.enforcement == "warn":
            return violation
        first = violation.problems[0]
        raise EventContractViolated(
            f"{first.field} {first.message} (version {violation.version} of {given.type}).",
            problems=violation.problems,
        )


def _read(decode: Any, body: bytes) -> Any:
    """Decode a request, saying where it is wrong."""
    check_depth(body)
    try:
        # `data` is passed on as it came, unread: what is not UTF-8 would reach the receivers.
        if not body.isascii():
            body.decode()
        return decode(body)
    except msgspec.ValidationError as error:
        problem = _field_problem(str(error))
        raise InvalidEvent(f"{problem.field} {problem.message}.", problems=[problem]) from None
    except UnicodeDecodeError as error:
        raise MalformedJson(f"Byte {error.start} is not UTF-8.") from None
    except msgspec.DecodeError as error:
        raise MalformedJson(f"{str(error).rstrip('.')}.") from None


def _field_problem(text: str) -> FieldProblem:
    """Read the library's sentence: `Expected `str`, got `int` - at `$.events[0].type``."""
    found = _PATH_IN_MESSAGE.search(text)
    path = re.sub(r"\[(\d+)\]", r".\1", found["path"]) if found else ""
    prefix = f"{path}." if path else ""
    if unknown := _UNKNOWN.search(text):
        return FieldProblem(prefix + unknown["name"], "is not a field of an event; remove it")
    if missing := _MISSING.search(text):
        return FieldProblem(prefix + missing["name"], "is missing")
    sentence = _PATH_IN_MESSAGE.sub("", text).replace("`", "")
    return FieldProblem(path or "body", f"is of the wrong kind: {sentence[:1].lower()}{sentence[1:]}")


def _accepted_json(accepted: Accepted, warned: Violation | None) -> bytes:
    stamp = accepted.accepted_at.isoformat().replace("+00:00", "Z")
    warnings = "" if warned is None else f',"warnings":{msgspec.json.encode(_listed(warned.problems)).decode()}'
    return f'{{"id":"{accepted.id}","accepted_at":"{stamp}"{warnings}}}'.encode()


def _outcome_json(outcome: Accepted | HubError, warned: Violation | None) -> bytes:
    if isinstance(outcome, Accepted):
        return _accepted_json(outcome, warned)
    problem = {"code": outcome.code, "title": outcome.title(), "detail": outcome.detail}
    return msgspec.json.encode({"error": {**problem, "errors": _listed(outcome.problems)}})


def _listed(problems: Sequence[FieldProblem]) -> list[dict[str, str]]:
    return [{"field": problem.field, "message": problem.message} for problem in problems]
