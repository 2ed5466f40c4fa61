"""The worker process: the dispatcher, and the services that keep its house."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from worksphere_hub.app.hub import Hub, open_hub
from worksphere_hub.app.settings import Settings
from worksphere_hub.bus.doorbell import Bell, Ear
from worksphere_hub.connections.services import open_connections
from worksphere_hub.connections.upkeep import Upkeep
from worksphere_hub.events.accept import Acceptor
from worksphere_hub.events.contract_book import ContractBook
from worksphere_hub.inbound.process import Processor
from worksphere_hub.inbound.pulls.puller import Puller
from worksphere_hub.inbound.subscribe import Subscriber
from worksphere_hub.telemetry.logs import wide
from worksphere_hub.webhooks.breaker import BreakerSettings
from worksphere_hub.webhooks.courier import Courier
from worksphere_hub.webhooks.directory import open_directory
from worksphere_hub.webhooks.dispatch import Dispatcher, Parts
from worksphere_hub.webhooks.health import Health
from worksphere_hub.webhooks.janitor import Janitor
from worksphere_hub.webhooks.models import Result
from worksphere_hub.webhooks.record import Recorder
from worksphere_hub.webhooks.replayer import Replayer


async def work(settings: Settings) -> None:
    """Run a worker until SIGTERM or SIGINT; then it finishes or gives back what it holds."""
    async with open_hub(settings, role="hub_worker") as hub:
        ear = Ear(settings.run_folder)
        try:
            contracts = ContractBook(hub.database, settings.events)
            directory = open_directory(hub.database, hub.vault, settings.webhooks)
            dispatcher = Dispatcher(
                Parts(
                    database=hub.database,
                    courier=Courier(hub.database, hub.egress, directory, contracts, settings.webhooks),
                    health=_health(hub),
                    recorder=Recorder(
                        hub.database,
                        batch=settings.webhooks.record_batch,
                        on_recorded=_recorded(hub),
                        pause=settings.webhooks.record_pause,
                    ),
                    ear=ear,
                    settings=settings.webhooks,
                )
            )
            _stop_on_signals(dispatcher.stop)
            await _run_beside(dispatcher, hub, ear)
        finally:
            ear.close()


def _health(hub: Hub) -> Health:
    settings = hub.settings.webhooks
    breaker = BreakerSettings(settings.breaker_failures, settings.breaker_pause, settings.breaker_longest_pause)
    return Health(hub.database, breaker, settings.disable_after)


async def _run_beside(dispatcher: Dispatcher, hub: Hub, ear: Ear) -> None:
    """Run the dispatcher, and for as long as it runs the services."""
    janitor = Janitor(hub.database, hub.metrics, hub.settings.webhooks, ear.wake)
    replayer = Replayer(hub.database, ear.wake)
    services = [asyncio.create_task(run) for run in (janitor.run(), janitor.sweep(), replayer.run())]
    if hub.settings.worker_port:
        # Most workers have no port, and the web framework takes longer to import than all the rest.
        from worksphere_hub.app.worker_health import serve_health  # noqa: PLC0415

        services.append(asyncio.create_task(serve_health(hub)))
    services.append(asyncio.create_task(_process_inbound(hub)))
    services.append(asyncio.create_task(_keep_connections(hub)))
    services.append(asyncio.create_task(_pull(hub)))
    try:
        await dispatcher.run()
    finally:
        for service in services:
            service.cancel()
            with suppress(asyncio.CancelledError):
                await service


async def _keep_connections(hub: Hub) -> None:
    """Renew and test connections and their subscriptions; what is under way when the worker ends is finished."""
    room = open_connections(hub.database, hub.vault, hub.provider_egress, hub.settings.connections)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(Upkeep(room).run())
            group.create_task(Subscriber(room, hub.settings.inbound).run())
    finally:
        await room.close()


async def _pull(hub: Hub) -> None:
    """Fetch from organizations' queues; the doorbell has what came processed."""
    bell = Bell(hub.settings.inbound_run_folder)
    try:
        puller = Puller(hub.database, hub.vault, hub.provider_egress, hub.settings.inbound, on_stored=bell.ring)
        await puller.run()
    finally:
        bell.close()


async def _process_inbound(hub: Hub) -> None:
    """Publish what providers sent; the doorbell takes it on to the dispatchers of this machine."""
    settings = hub.settings
    bell, ear = Bell(settings.run_folder), Ear(settings.inbound_run_folder)

    def committed(count: int) -> None:
        hub.metrics.events_accepted.inc(count)
        bell.ring()

    acceptor = Acceptor(hub.database, settings.events, on_committed=committed)
    try:
        await Processor(hub.database, acceptor, ear, settings.inbound, body_limit=settings.events.body_limit).run()
    finally:
        ear.close()
        bell.close()


def _recorded(hub: Hub) -> Callable[[Sequence[Result], int], None]:
    """Count attempts, and write a line for each batch and for each attempt that did not deliver."""
    attempted = hub.metrics.deliveries_attempted
    seconds = hub.metrics.attempt_seconds

    def tell(results: Sequence[Result], fenced: int) -> None:
        delivered = 0
        for result in results:
            attempt = result.attempt
            if attempt is None:
                continue
            attempted.labels(attempt.outcome).inc()
            seconds.observe(attempt.duration_ms / 1000)
            if attempt.outcome == "delivered":
                delivered += 1
                continue
            with wide("delivery.attempted", **_facts(result)) as line:
                line.fail(attempt.error_cause or f"status_{attempt.status}")
        if delivered or fenced:
            with wide("deliveries.recorded", delivered=delivered, fenced=fenced):
                pass

    return tell


def _facts(result: Result) -> dict[str, object]:
    claim, attempt = result.claim, result.attempt
    assert attempt is not None
    return {
        "org": claim.org.hex,
        "endpoint_id": claim.endpoint.hex,
        "event_id": claim.event.hex,
        "attempt": claim.attempts + 1,
        "status": attempt.status,
        "attempt_ms": attempt.duration_ms,
        "next": result.next,
        "delay_s": round(result.delay, 1),
        "reclaimed": claim.reclaimed,
    }


def _stop_on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
