"""One attempt: sign, send, and say what became of it."""

import random

import msgspec

from worksphere_hub import __version__, clock, ids
from worksphere_hub.events.models import public_id
from worksphere_hub.security.egress import EgressClient, EgressFailed, Reply
from worksphere_hub.security.signing import sign
from worksphere_hub.webhooks.models import Attempt, Claim, Result, Target
from worksphere_hub.webhooks.retry import ScheduleRetry, decide, parse_retry_after
from worksphere_hub.webhooks.settings import WebhookSettings

USER_AGENT = f"WorkSphere-Hub/{__version__}"

# A response with more header bytes than this keeps the first of them in the record.
_HEADERS_KEPT = 16_384


async def attempt(egress: EgressClient, settings: WebhookSettings, claim: Claim, target: Target, body: bytes) -> Result:
    """POST a delivery to its endpoint. Whatever the receiver does, this ends by the deadline with a result."""
    now = clock.now()
    message_id = public_id(claim.event, claim.event_key)
    timestamp = int(now.timestamp())
    signature = sign(target.keys, message_id, timestamp, body)
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    made = Attempt(
        id=ids.new_hex(),
        outcome="failed",
        started_at=now,
        duration_ms=0,
        url=target.url,
        request_headers=_headers_json(message_id, timestamp, signature),
    )
    since = clock.monotonic()
    try:
        reply = await egress.send(
            "POST", target.url, headers=headers, body=body, total_timeout=settings.attempt_timeout
        )
    except EgressFailed as failure:
        made.error_cause = failure.cause
        made.error_detail = failure.detail[:500]
        made.status = failure.status
        retry_after = None
    else:
        retry_after = _keep_reply(made, reply)
    made.duration_ms = int((clock.monotonic() - since) * 1000)
    decision = decide(
        # One schedule for all, without a deadline: how old the event is does not matter.
        ScheduleRetry(settings.schedule, jitter=settings.jitter),
        # An answer that broke off is no answer, whatever its first line said.
        status=made.status if made.error_cause is None else None,
        step=claim.attempts + 1,
        age=0.0,
        retry_after=retry_after,
        dice=random.random(),  # noqa: S311 - spreads retries, guards nothing
    )
    return Result(claim, decision.next, decision.delay, made)


def _keep_reply(made: Attempt, reply: Reply) -> float | None:
    """Put the reply into the record; answers its Retry-After in seconds."""
    made.status = reply.status
    made.outcome = "delivered" if 200 <= reply.status < 300 else "refused"
    made.response_body = reply.body
    made.truncated = reply.truncated
    kept: list[tuple[str, str]] = []
    size = 0
    retry_after = None
    for name, value in reply.headers:
        size += len(name) + len(value)
        if size <= _HEADERS_KEPT:
            # PostgreSQL's text has no NUL.
            kept.append((name, value.replace("\0", "")))
        if name.lower() == "retry-after":
            retry_after = parse_retry_after(value, made.started_at)
    made.response_headers = msgspec.json.encode(kept).decode()
    return retry_after


def _headers_json(message_id: str, timestamp: int, signature: str) -> str:
    # Every part is of an alphabet that JSON takes as it is.
    return (
        f'[["content-type","application/json"],["user-agent","{USER_AGENT}"],["webhook-id","{message_id}"],'
        f'["webhook-timestamp","{timestamp}"],["webhook-signature","{signature}"]]'
    )
