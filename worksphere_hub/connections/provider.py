"""Requests to token endpoints: to hosts of the manifest only, once, in time; answers read, refusals told."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

from worksphere_hub import clock
from worksphere_hub.connections.hosts import Hosts
from worksphere_hub.connections.models import Subject
from worksphere_hub.connections.placement import Outgoing
from worksphere_hub.connections.steps import captured_for, read_step, step_request
from worksphere_hub.connections.token_answer import Grant, TokenRefused, Tokens, read_grant
from worksphere_hub.connections.token_request import Client, Post
from worksphere_hub.connections.waits import longest_wait
from worksphere_hub.sdk.manifest.api import Hint
from worksphere_hub.sdk.manifest.auth import Custom, OAuth2
from worksphere_hub.security.egress import EgressClient, EgressFailed

_RETRY_AFTER: Sequence[Hint] = (Hint(header="retry-after"),)


class Unanswered(Exception):
    """No answer that says anything. `unsent`: it is certain that the provider saw nothing."""

    def __init__(self, cause: str, *, unsent: bool) -> None:
        self.cause = cause
        self.unsent = unsent
        super().__init__(cause)


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What the steps of a custom exchange gave, and for how many seconds."""

    captured: dict[str, object]
    expires_in: float | None


class Provider:
    """Asks providers for tokens."""

    def __init__(self, egress: EgressClient, *, timeout: float) -> None:
        """`timeout` of one request in seconds."""
        self._egress = egress
        self._timeout = timeout

    async def grant(self, subject: Subject, client: Client, post: Post, *, only: str | None = None) -> Grant:
        """Send a token request and read what comes. Raises TokenRefused, Unanswered, HostNotAllowed."""
        assert isinstance(subject.method, OAuth2)
        status, headers, body = await self.send(post, subject.hosts(fixed_only=client.shared))
        wait = longest_wait(_RETRY_AFTER, headers, lambda: None, clock.epoch())
        return read_grant(subject.method, status, body, retry_after=wait, only=only)

    async def send(self, post: Post, hosts: Hosts) -> tuple[int, dict[str, str], bytes]:
        """Send a form to an allowed host; status, headers in lower case, body."""
        return await self._call(Outgoing("POST", post.url, post.headers, post.body), hosts)

    async def exchange(self, subject: Subject) -> Exchanged:
        """Go through the steps of a custom way. Raises TokenRefused, Unanswered, CredentialUnusable, HostNotAllowed."""
        way = subject.method
        assert isinstance(way, Custom)
        values = subject.values()
        captured: dict[str, object] = {}
        body = b"{}"
        for step in way.steps:
            request = step_request(step, {**values, "captured": captured})
            status, _, body = await self._call(request, subject.hosts())
            captured |= read_step(step, status, body)
        return Exchanged(captured, captured_for(way, body))

    async def _call(self, request: Outgoing, hosts: Hosts) -> tuple[int, dict[str, str], bytes]:
        destination = hosts.require(request.url)
        try:
            reply = await self._egress.send(
                request.method,
                str(destination.url),
                headers=request.headers,
                body=request.body,
                total_timeout=self._timeout,
            )
        except EgressFailed as failure:
            raise Unanswered(failure.cause, unsent=failure.unsent) from None
        if reply.truncated:
            raise Unanswered("too_large", unsent=False)
        return reply.status, {name.lower(): value for name, value in reply.headers}, reply.body

    async def revoke(self, subject: Subject, client: Client, posts: Sequence[Post]) -> list[str]:
        """Give tokens back; answers what went wrong, one word each. It is tried once: the credential goes anyway."""
        told = await asyncio.gather(*(self._revoke(subject, client, post) for post in posts))
        return [word for word in told if word is not None]

    async def _revoke(self, subject: Subject, client: Client, post: Post) -> str | None:
        try:
            status, _, _ = await self.send(post, subject.hosts(fixed_only=client.shared))
        except Unanswered as failure:
            return failure.cause
        return None if status < 400 else f"status_{status}"


def chance() -> float:
    """A number from 0 to 1 that spreads what would come all at once."""
    return random.random()  # noqa: S311 - spreads load, protects nothing


__all__ = ["Exchanged", "Grant", "Provider", "TokenRefused", "Tokens", "Unanswered", "chance"]
