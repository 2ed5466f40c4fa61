"""Keep one HTTP client per checked destination, built once for all who wait; the least used gives way."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from pyreqwest.client import Client

from worksphere_hub import clock
from worksphere_hub.security.addresses import IPAddress
from worksphere_hub.security.client_identity import ClientIdentity
from worksphere_hub.security.destinations import Destination
from worksphere_hub.security.transport import Wiring, build_client

# Scheme, host, port, the fingerprint of the client certificate if there is one, and the address.
_Name = tuple[str, str, int, str, IPAddress]


class Pin:
    """A client that reaches one host at one checked address, whatever the host's name resolves to later.

    `client` is None once the pin is retired: requests under way keep theirs to the end, no new one gets it.
    """

    __slots__ = ("address", "client", "last_used", "name", "slots")

    def __init__(self, client: Client, name: _Name, most_at_once: int) -> None:
        self.client: Client | None = client
        self.name = name
        self.address = name[-1]
        self.slots = asyncio.Semaphore(most_at_once)
        self.last_used = clock.monotonic()


class Pins:
    """The pins in use, at most `size` of them."""

    def __init__(self, wiring: Wiring, *, size: int) -> None:
        self._wiring = wiring
        self._size = size
        self._pins: dict[_Name, Pin] = {}
        self._building: dict[_Name, asyncio.Task[Pin]] = {}
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="egress")

    def has(self, destination: Destination, address: IPAddress, identity: ClientIdentity | None = None) -> bool:
        """Whether this address is in use for this destination."""
        return _name(destination, address, identity) in self._pins

    async def get(self, destination: Destination, address: IPAddress, identity: ClientIdentity | None = None) -> Pin:
        """The pin of a destination at this address, building its client when there is none."""
        name = _name(destination, address, identity)
        while True:
            pin = self._pins.get(name)
            if pin is not None:
                return pin
            task = self._building.get(name)
            if task is None:
                task = self._building[name] = asyncio.create_task(self._build(name, destination, identity))
            # Shielded: the one who asked first may be cancelled while others wait for the same client.
            pin = await asyncio.shield(task)
            if pin.client is not None:
                return pin

    def retire(self, pin: Pin) -> None:
        """Give no new request to this pin; its idle connections close."""
        pin.client = None
        if self._pins.get(pin.name) is pin:
            del self._pins[pin.name]

    async def close(self) -> None:
        """Retire every pin and close its connections."""
        building = list(self._building.values())
        for task in building:
            task.cancel()
        await asyncio.gather(*building, return_exceptions=True)
        pins, self._pins = list(self._pins.values()), {}
        for pin in pins:
            client, pin.client = pin.client, None
            if client is not None:
                await client.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _build(self, name: _Name, destination: Destination, identity: ClientIdentity | None) -> Pin:
        *_, address = name
        pinned = destination.host if destination.literal is None else None
        loop = asyncio.get_running_loop()
        try:
            # Some 6 ms, mostly for the system's certificates and without Python's lock: off the event loop.
            client = await loop.run_in_executor(self._threads, build_client, self._wiring, pinned, address, identity)
        finally:
            del self._building[name]
        if len(self._pins) >= self._size:
            self._drop_least_used()
        pin = self._pins[name] = Pin(client, name, self._wiring.per_destination)
        return pin

    def _drop_least_used(self) -> None:
        name = min(self._pins, key=lambda name: self._pins[name].last_used)
        self._pins.pop(name).client = None


def _name(destination: Destination, address: IPAddress, identity: ClientIdentity | None) -> _Name:
    shown = identity.fingerprint if identity else ""
    return destination.scheme, destination.host, destination.port, shown, address
