"""Answers kept for a repetition of their request, sealed: one of them may hold a secret that is shown once."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.http.idempotency import Claim, Claimed, InProgress, Mismatch, Stored
from worksphere_hub.security.tokens import same
from worksphere_hub.security.vault import Place, Vault

_KEPT = timedelta(days=1)
# Tries to take a key that others take and give back at the same moment.
_TRIES = 3


class _Answer(msgspec.Struct, array_like=True):
    """What is sealed; the status is a column of its own."""

    headers: list[tuple[str, str]]
    body: bytes


class PostgresAnswers:
    """Keeps answers (the HTTP door's AnswerStore) for a day; a claim without an answer lapses after a minute."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    async def claim(self, org: UUID, key: str, fingerprint: bytes) -> Claim:
        """Take the key, in one step that only one of two simultaneous callers wins."""
        for _ in range(_TRIES):
            async with self._database.tenant(org) as tx:
                await tx.run(QUERIES.drop_expired_answer, org, key)
                if await tx.value(QUERIES.claim_answer, org, key, fingerprint, _KEPT):
                    return Claimed()
                row = await tx.row(QUERIES.claimed_answer, org, key)
            if row is not None:
                return await self._held(org, key, fingerprint, row)
        return InProgress()

    async def finish(self, org: UUID, key: str, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
        """Keep the answer of a claimed key."""
        plain = msgspec.msgpack.encode(_Answer(list(headers), body))
        sealed = await self._vault.seal(org, "payload", _place(key), plain)
        async with self._database.tenant(org) as tx:
            await tx.run(QUERIES.finish_answer, org, key, status, sealed)

    async def abandon(self, org: UUID, key: str) -> None:
        """Give a claimed key back: the request failed and changed nothing."""
        async with self._database.tenant(org) as tx:
            await tx.run(QUERIES.abandon_answer, org, key)

    async def _held(self, org: UUID, key: str, fingerprint: bytes, row: Row) -> Claim:
        if not same(row["request_hash"], fingerprint):
            return Mismatch()
        if row["sealed_answer"] is None:
            return InProgress()
        plain = await self._vault.open(org, "payload", _place(key), row["sealed_answer"])
        answer = msgspec.msgpack.decode(plain, type=_Answer)
        return Stored(row["status"], answer.headers, answer.body)


def _place(key: str) -> Place:
    return Place("idempotency_keys", "sealed_answer", key)
