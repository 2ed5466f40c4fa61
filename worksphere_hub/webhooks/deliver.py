"""One attempt: shape, sign, send, and say what became of it."""

import random
from dataclasses import dataclass, replace

import msgspec

from worksphere_hub import clock, ids
from worksphere_hub.security.egress import EgressClient, EgressFailed, Reply
from worksphere_hub.webhooks import outgoing
from worksphere_hub.webhooks.destinations.destination import Destination
from worksphere_hub.webhooks.models import Attempt, Claim, Result
from worksphere_hub.webhooks.receiver_auth import AuthFailed
from worksphere_hub.webhooks.retry import NOTHING_ASKED, Asked, decide, parse_retry_after
from worksphere_hub.webhooks.settings import WebhookSettings
from worksphere_hub.webhooks.targets import Target

# A response with more header bytes than this keeps the first of them in the record.
_HEADERS_KEPT = 16_384
_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class _Answered:
    """The status that counts, None without a whole answer, and what the receiver asked for."""

    status: int | None
    asked: Asked


_NOTHING_ANSWERED = _Answered(None, NOTHING_ASKED)


async def attempt(
    egress: EgressClient, settings: WebhookSettings, target: Target, job: list[Claim], *, batch: bool
) -> list[Result]:
    """Send deliveries of one endpoint: a single one, or several in one request.

    Whatever the receiver does, this ends by the deadline with a result for each.
    """
    found = outgoing.sort(target, job)
    results = [Result(claim, "filtered") for claim in found.filtered]
    for claim, failure in found.failed:
        made = _begin(target.url)
        made.error_cause, made.error_detail = failure.cause, failure.detail[:500]
        results.append(_decided(target, claim, made, _NOTHING_ANSWERED))
    if not found.ready:
        return results
    made, answered = await _send(egress, settings, target, found, batch=batch)
    first = True
    for claim, _ in found.ready:
        one = made if first else replace(made, id=ids.new_hex())
        results.append(_decided(target, claim, one, answered))
        first = False
    return results


async def _send(
    egress: EgressClient, settings: WebhookSettings, target: Target, found: outgoing.Sorted, *, batch: bool
) -> tuple[Attempt, _Answered]:
    """Make the request; answers what came of it and what its answer means."""
    made = _begin(target.url)
    since = clock.monotonic()
    answered = _NOTHING_ANSWERED
    try:
        authorization = await target.auth.header(egress) if target.auth else None
        message = outgoing.compose(target, found.ready, made.started_at, batch=batch, authorization=authorization)
        made.url = message.url or target.url
        made.request_headers, made.batch_id = message.recorded_headers, message.batch_id
        reply = await egress.send(
            message.method or target.method,
            made.url,
            headers=message.headers,
            body=message.body,
            total_timeout=settings.attempt_timeout,
            identity=target.auth.identity if target.auth else None,
        )
    except EgressFailed as failure:
        made.error_cause = failure.cause
        made.error_detail = failure.detail[:500]
        made.status = failure.status
    except AuthFailed as failure:
        made.error_cause, made.error_detail = "auth_failed", failure.detail[:500]
    else:
        answered = _keep_reply(made, reply, target.destination)
        if reply.status == _UNAUTHORIZED and target.auth:
            target.auth.refused()
    made.duration_ms = int((clock.monotonic() - since) * 1000)
    return made, answered


def _begin(url: str) -> Attempt:
    return Attempt(
        id=ids.new_hex(), outcome="failed", started_at=clock.now(), duration_ms=0, url=url, request_headers="[]"
    )


def _decided(target: Target, claim: Claim, made: Attempt, answered: _Answered) -> Result:
    decision = decide(
        target.policy,
        # An answer that broke off is no answer, whatever its first line said.
        status=answered.status,
        step=claim.step + 1,
        age=age(claim),
        asked=answered.asked,
        dice=random.random(),  # noqa: S311 - spreads retries, guards nothing
    )
    following = decision.next
    if claim.manual and following in {"pending", "exhausted"}:
        return Result(claim, "resume", attempt=made, slow_down=decision.slow_down)
    if decision.reason == "aborted":
        # Its receiver does not want it: there is nothing for anybody to look at.
        return Result(claim, following, attempt=made, reason=decision.reason)
    if following == "exhausted" and target.on_exhausted == "park":
        following = "parked"
    elif following == "exhausted" and target.on_exhausted == "block" and claim.lane is not None:
        following = "blocked"
    reason = decision.reason if decision.next == "exhausted" else None
    return Result(claim, following, decision.delay, made, reason, decision.slow_down)


def age(claim: Claim) -> float:
    """For how many seconds a delivery's chain has been going on, whatever this machine's clock has been set to."""
    if claim.chain_from is None:
        return 0.0
    return (claim.claimed_at - claim.chain_from).total_seconds() + clock.monotonic() - claim.taken_at


def _keep_reply(made: Attempt, reply: Reply, destination: Destination | None) -> _Answered:
    """Put the reply into the record; answers what it means."""
    made.status = counts = reply.status
    if destination is not None:
        judged = destination.judge(reply.status, reply.body)
        counts, made.error_detail = judged.status, judged.problem
    made.outcome = "delivered" if 200 <= counts < 300 else "refused"
    made.response_body = reply.body
    made.truncated = reply.truncated
    kept: list[tuple[str, str]] = []
    size = 0
    retry_after = control = None
    for name, value in reply.headers:
        size += len(name) + len(value)
        if size <= _HEADERS_KEPT:
            # PostgreSQL's text has no NUL.
            kept.append((name, value.replace("\0", "")))
        lowered = name.lower()
        if lowered == "retry-after":
            retry_after = parse_retry_after(value, made.started_at)
        elif lowered == "webhook-delivery":
            control = value.strip().lower()
    made.response_headers = msgspec.json.encode(kept).decode()
    asked = Asked(retry_after, control) if retry_after is not None or control is not None else NOTHING_ASKED
    return _Answered(counts, asked)
