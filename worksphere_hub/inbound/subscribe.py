"""The worker's side of subscriptions: make them, renew them before they end, end them."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

from worksphere_hub import clock, ids
from worksphere_hub.connections import actions
from worksphere_hub.connections.actions import Opened, Who
from worksphere_hub.connections.services import Connections
from worksphere_hub.db.pool import Row, Transaction
from worksphere_hub.errors import HubError
from worksphere_hub.events.emit import emit
from worksphere_hub.inbound import subscription_rules as rules
from worksphere_hub.inbound.settings import InboundSettings
from worksphere_hub.inbound.store import QUERIES
from worksphere_hub.inbound.subscriptions import open_address
from worksphere_hub.sdk import boundary
from worksphere_hub.sdk.errors import AuthFailed, ConnectorFailed, Missing, Transient
from worksphere_hub.sdk.inbound import Address, Inbound, Subscription
from worksphere_hub.telemetry.logs import wide

_CALLER = "hub:subscriptions"


class Subscriber:
    """One per worker; any number of them share what is due. Cancelled, it finishes what it has begun."""

    def __init__(self, room: Connections, settings: InboundSettings) -> None:
        self._room = room
        self._settings = settings

    async def run(self) -> None:
        """Look for ever."""
        while True:
            turn = asyncio.ensure_future(self.turn())
            try:
                await asyncio.shield(turn)
            except asyncio.CancelledError:
                with suppress(Exception):
                    await turn
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the next round tries again
                with wide("inbound.subscriptions_failed") as line:
                    line.caught(error)
            await asyncio.sleep(self._settings.subscription_poll)

    async def turn(self) -> int:
        """See to the subscriptions that are due; answers how many."""
        lease = timedelta(seconds=self._settings.subscription_lease)
        claimed = await self._room.database.call(QUERIES.claim_subscriptions, lease)
        await asyncio.gather(*(self._see_to(row) for row in claimed))
        return len(claimed)

    async def _see_to(self, row: Row) -> None:
        with wide("inbound.subscription", org=row["org_id"].hex, subscription_id=row["id"].hex) as line:
            try:
                async with asyncio.timeout(self._settings.subscription_lease / 2):
                    await (self._end(row) if row["status"] == "cancelling" else self._keep(row))
            except ConnectorFailed as failure:
                line.fail(failure.code)
                await self._failed(row, failure)
            except TimeoutError:
                line.fail("timeout")
                await self._failed(row, Transient("The provider took too long."))
            except Exception as error:  # noqa: BLE001 - one subscription's trouble is its own; its lease runs out
                line.caught(error)

    async def _keep(self, row: Row) -> None:
        """Make or renew one. Whoever died over it before may have made it: what is there is taken on."""
        opened, inbound, address = await self._opened(row)
        now = clock.now()
        made = await boundary.told("subscription", lambda: self._made(row, opened, inbound, address))
        due = rules.renew_at(now, made.expires_at, random.random())  # noqa: S311 - it only spreads them out
        lapsed = row["kept"] is not None and row["expires_at"] is not None and row["expires_at"] < now
        async with self._room.database.tenant(row["org_id"]) as tx:
            names = row["org_id"], row["id"], row["fence"]
            kept = await tx.row(QUERIES.keep_subscription, *names, dict(made.kept), made.expires_at, due)
            if kept is None:
                return
            if row["status"] == "failing":
                await _tell(tx, row, "recovered")
            if lapsed:
                # What happened in between nobody was told of: whoever keeps a copy reads it again.
                await _tell(tx, row, "interrupted", since=row["expires_at"].isoformat(), until=now.isoformat())

    async def _made(self, row: Row, opened: Opened, inbound: Inbound, address: Address) -> Subscription:
        if row["kept"] is not None:
            held = Subscription(row["kept"], row["expires_at"])
            with suppress(Missing):
                return await inbound.renew(opened.api, address, held)
        elif row["fence"] > 1:
            found = await inbound.adopt(opened.api, address)
            if found is not None:
                return found
        return await inbound.subscribe(opened.api, address)

    async def _end(self, row: Row) -> None:
        try:
            opened, inbound, address = await self._opened(row)
            held = None if row["kept"] is None else Subscription(row["kept"], row["expires_at"])
            if held is None and row["fence"] > 1:
                held = await inbound.adopt(opened.api, address)
            if held is not None:
                ended = held
                await boundary.told("subscription", lambda: inbound.cancel(opened.api, ended))
        except AuthFailed:
            # Who may not ask any more cannot end it either: the provider sends to an address that is gone.
            pass
        except ConnectorFailed:
            if row["failures"] < rules.LAST_TRY:
                raise
        async with self._room.database.tenant(row["org_id"]) as tx:
            await tx.run(QUERIES.forget_subscription, row["org_id"], row["id"], row["fence"])

    async def _opened(self, row: Row) -> tuple[Opened, Inbound, Address]:
        try:
            opened = await actions.opened(self._room, Who(row["org_id"], _CALLER), row["connection_id"])
        except HubError as refused:
            raise AuthFailed(refused.detail) from refused
        inbound = opened.connector.inbound
        if inbound is None or not inbound.subscribes:
            raise AuthFailed("This version of the integration does not subscribe to anything.")
        return opened, inbound, await open_address(self._room.vault, row)

    async def _failed(self, row: Row, failure: ConnectorFailed) -> None:
        wait = rules.retry_in(row["failures"], failure, random.random())  # noqa: S311 - it only spreads them out
        due = clock.now() + timedelta(seconds=wait)
        async with self._room.database.tenant(row["org_id"]) as tx:
            names = row["org_id"], row["id"], row["fence"]
            status = await tx.value(QUERIES.fail_subscription, *names, failure.code, failure.detail[:500], due)
            if status == "failing" and row["status"] != "failing":
                await _tell(tx, row, "failing", code=failure.code, reason=failure.detail[:500])


async def _tell(tx: Transaction, row: Row, what: str, **facts: str) -> None:
    told = {
        "subscription_id": ids.encode("sub", row["id"]),
        "connection_id": ids.encode("con", row["connection_id"]),
        "wanted": list(row["wanted"]),
    }
    await emit(tx, row["org_id"], f"hub.subscription.{what}", {**told, **facts})
