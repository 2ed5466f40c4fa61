"""The worker's side of queues: fetch, keep, and only then tell the queue so."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.service_account import UnusableKey
from worksphere_hub.clouds.signer import Signer, signer_of
from worksphere_hub.db.pool import Database, Row
from worksphere_hub.errors import HubError
from worksphere_hub.events.emit import emit
from worksphere_hub.inbound import store
from worksphere_hub.inbound.pulls.queue import Answered, Fetched, PullRefused, Queue, read_credential
from worksphere_hub.inbound.receive import secret_place
from worksphere_hub.inbound.schemes.catalogue import scheme_of
from worksphere_hub.inbound.schemes.pulled import Pulled
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.security.egress import EgressClient, EgressFailed
from worksphere_hub.security.redact import redact_headers
from worksphere_hub.security.vault import Vault
from worksphere_hub.telemetry.logs import wide

# Queues that one worker has in hand at once; each waits for messages for seconds at a time.
_SLOTS = 64
_MOST = 100
_LARGEST = 1_048_576
_LONGEST_WAIT = 300.0


class Puller:
    """One per worker; any number of them share the queues. Cancelled, it keeps and acknowledges what it has fetched."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        egress: EgressClient,
        settings: InboundSettings,
        *,
        on_stored: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_stored` hears when there is something to process: the doorbell."""
        self._database = database
        self._vault = vault
        self._egress = egress
        self._settings = settings
        self._on_stored = on_stored
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Ask for ever."""
        try:
            while True:
                try:
                    await self.claim()
                except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again
                    with wide("inbound.pulls_failed") as line:
                        line.caught(error)
                if self._running:
                    await asyncio.wait(self._running, timeout=self._settings.pull_poll)
                else:
                    await asyncio.sleep(self._settings.pull_poll)
        finally:
            await self._end()

    async def claim(self) -> int:
        """Begin with the queues that are due, as far as there is room; answers how many."""
        room = _SLOTS - len(self._running)
        if room <= 0:
            return 0
        lease = timedelta(seconds=self._settings.pull_lease)
        rows = await self._database.call(QUERIES.claim_pulls, lease, room)
        for row in rows:
            task = asyncio.create_task(self.see_to(row))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(rows)

    async def see_to(self, row: Row) -> None:
        """Empty one queue, or half a lease's worth of it, and write down how that went."""
        with wide("inbound.pulled", org=row["org_id"].hex, source_id=row["source_id"].hex) as line:
            try:
                kept, left = await self._drain(row)
                line.add(kept=kept)
                await self._rest(row, left)
            except PullRefused as refused:
                line.fail(refused.code)
                await self._failed(row, refused)
            except (EgressFailed, HubError) as failed:
                code = failed.cause if isinstance(failed, EgressFailed) else failed.code
                line.fail(code)
                await self._failed(row, PullRefused(code, failed.detail))
            except Exception as error:  # noqa: BLE001 - one queue's trouble is its own; its lease runs out
                line.caught(error)

    async def _drain(self, row: Row) -> tuple[int, PullRefused | None]:
        queue, signer = await self._opened(row)
        until = clock.monotonic() + self._settings.pull_lease / 2
        kept, most, left = 0, _MOST, None
        while clock.monotonic() < until:
            asked = queue.receive(signer, clock.now(), self._settings.pull_wait, most)
            answer, whole = await self._send(asked)
            if not whole:
                if most == 1:
                    raise PullRefused("too_large", "A single message of the queue's is larger than an answer may be.")
                most = 1
                continue
            fetched = queue.read(answer)
            if not fetched:
                break
            fit = [each for each in fetched if len(each.body) <= _LARGEST]
            if len(fit) < len(fetched):
                left = PullRefused("too_large", f"Messages of more than {_LARGEST} bytes are left in the queue.")
            await _whole(self._take(row, queue, signer, fit))
            kept += len(fit)
        return kept, left

    async def _take(self, row: Row, queue: Queue, signer: Signer, fetched: Sequence[Fetched]) -> None:
        """Keep messages, then say so. Whoever dies in between has them again, and knows them by their ids."""
        if not fetched:
            return
        seen_until = clock.now() + timedelta(days=self._settings.seen_days)
        for each in fetched:
            shown = redact_headers({name.lower(): value for name, value in each.attributes.items()})
            headers = [[name, value.replace("\0", "")] for name, value in shown.items()]
            names = (row["org_id"], row["source_id"], ids.new(), each.id[:255])
            await store.store_message(self._database, names, seen_until, ("POST", "", headers, each.body), "verified")
        self._on_stored()
        for request in queue.acknowledge(signer, clock.now(), fetched):
            answer, _ = await self._send(request)
            if answer.status >= 300:
                raise PullRefused("not_acknowledged", f"The queue answered {answer.status} to what was kept.")
        async with self._database.tenant(row["org_id"]) as tx:
            await tx.run(QUERIES.note_fetched, row["org_id"], row["source_id"], row["fence"], len(fetched))

    async def _opened(self, row: Row) -> tuple[Queue, Signer]:
        scheme = scheme_of("pulled", row["config"])
        assert isinstance(scheme, Pulled)
        if row["secret_id"] is None:
            raise PullRefused("no_secret", "The source has no credential that is still good.")
        text = await self._vault.open(row["org_id"], "cred", secret_place(row["secret_id"]), row["sealed"])
        try:
            return scheme.queue, signer_of(read_credential(scheme.queue, text.decode()))
        except (ValueError, UnusableKey):
            raise PullRefused("no_secret", "The source's credential is not one for its queue.") from None

    async def _send(self, request: Outgoing) -> tuple[Answered, bool]:
        """The answer, and whether all of it is here."""
        reply = await self._egress.send(
            request.method, request.url, headers=request.headers, body=request.body,
            total_timeout=self._settings.pull_lease / 2,
        )  # fmt: skip
        headers = {name.lower(): value for name, value in reply.headers}
        return Answered(reply.status, headers, reply.body), not reply.truncated

    async def _rest(self, row: Row, left: PullRefused | None) -> None:
        pause = timedelta(seconds=self._settings.pull_poll)
        why = (None, None) if left is None else (left.code, left.detail)
        async with self._database.tenant(row["org_id"]) as tx:
            ours = await tx.value(QUERIES.rest_pull, row["org_id"], row["source_id"], row["fence"], pause, *why)
            if ours is not None and row["status"] == "failing":
                await emit(tx, row["org_id"], "hub.inbound_source.recovered", _named(row["source_id"]))

    async def _failed(self, row: Row, refused: PullRefused) -> None:
        wait = min(self._settings.pull_poll * 2.0 ** min(row["failures"], 16), _LONGEST_WAIT)
        why = (refused.code[:60], refused.detail[:500])
        async with self._database.tenant(row["org_id"]) as tx:
            names = row["org_id"], row["source_id"], row["fence"]
            ours = await tx.value(QUERIES.fail_pull, *names, timedelta(seconds=wait), *why)
            if ours is not None and row["status"] != "failing":
                told = {**_named(row["source_id"]), "code": why[0], "reason": why[1]}
                await emit(tx, row["org_id"], "hub.inbound_source.failing", told)

    async def _end(self) -> None:
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Work that is not cut off in the middle."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):
            await task
        raise


def _named(source: UUID) -> dict[str, str]:
    return {"source_id": ids.encode("ins", source)}
