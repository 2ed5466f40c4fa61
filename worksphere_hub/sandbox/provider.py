"""What every provider of the sandbox has: a world to live in, apps, accounts, tokens, and its own way of saying no."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import Route

from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.consent import Account
from worksphere_hub.sandbox.errors import UnknownProvider, WrongReceiver
from worksphere_hub.sandbox.identity import Identities
from worksphere_hub.sandbox.outbox import Delivery, Outbox
from worksphere_hub.sandbox.rates import Rates
from worksphere_hub.sandbox.tokens import App, Token, TokenBook
from worksphere_hub.sandbox.wire import Json

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(slots=True)
class World:
    """What the providers of one sandbox share."""

    clock: SandboxClock
    outbox: Outbox
    rates: Rates
    # Whether the vendors' rate limits hold. Faults of the kind rate_limit work either way.
    limits: bool = True
    # Where each provider is served, for what is made without a request.
    addresses: dict[str, str] = field(default_factory=dict[str, str])


class Provider(ABC):
    """One vendor. Made anew from its seed at every reset."""

    name: ClassVar[str]
    # The vendor's own hosts, for whoever sends what is for them here instead; `*.` for all below.
    hosts: ClassVar[tuple[str, ...]]
    # How long access and refresh tokens live, in seconds; None: until revoked. A seed's `lifetimes` overrides.
    lifetimes: ClassVar[dict[str, float | None]]

    def __init__(self, world: World, seed: Json) -> None:
        self.world = world
        self.seed = seed
        self.identities = Identities(f"{self.name}:{seed.get('name', 'sandbox')}")
        self.book = TokenBook(world.clock, self.identities)
        self.life: dict[str, float | None] = {**self.lifetimes, **seed.get("lifetimes", {})}
        for wanted in seed.get("apps", []):
            self.register(wanted)

    @abstractmethod
    def routes(self) -> Sequence[Route]:
        """Its doors."""

    @abstractmethod
    def accounts(self) -> list[Account]:
        """Who can be signed in."""

    @abstractmethod
    def rate_limited(self, path: str, retry_after: float | None, /) -> Response:
        """The limit is used up."""

    @abstractmethod
    def broken(self, path: str, status: int, /) -> Response:
        """Something failed on the vendor's side."""

    @abstractmethod
    def token_expired(self, path: str, /) -> Response:
        """The access token is not good any more."""

    @abstractmethod
    def missing(self, path: str, /) -> Response:
        """There is no such door."""

    @abstractmethod
    def malformed(self, path: str, why: str, /) -> Response:
        """The body cannot be read."""

    @abstractmethod
    def endpoints(self, base: str) -> dict[str, str]:
        """The addresses to configure a client with."""

    @abstractmethod
    def issue(self, app: App, account: Account, scopes: tuple[str, ...]) -> Json:
        """Tokens without a consent page, as the vendor answers them."""

    @abstractmethod
    async def listen(self, app: App, url: str, wanted: Json, /) -> Json:
        """Register a receiver at an app as its settings page would, with the vendor's handshake.

        Raises WrongReceiver.
        """

    @abstractmethod
    def trigger(self, event: str, wanted: Json) -> list[Delivery]:
        """Send a webhook as the vendor does, to the registered receivers or to `url`. Raises WrongReceiver."""

    def upkeep(self) -> None:  # noqa: B027 - most vendors have nothing that does
        """What falls due by itself when time has passed; called before each request and when the clock is moved."""

    def register(self, wanted: Json) -> App:
        """Register an app, or change one of this client_id."""
        identity = str(wanted.get("client_id") or self.identities.text("client", 24))
        known = self.book.apps.get(identity)
        app = App(
            identity,
            str(wanted.get("client_secret") or (known.client_secret if known else self.identities.text("secret", 32))),
            str(wanted.get("name") or (known.name if known else "An app")),
            tuple(wanted.get("redirect_uris") or (known.redirect_uris if known else ())),
            tuple(wanted.get("scopes") or (known.scopes if known else ())),
            {**(known.settings if known else {}), **wanted.get("settings", {})},
        )
        self.book.apps[identity] = app
        return app

    def app(self, client_id: str | None = None) -> App:
        """The app of a client_id, or the first one. Raises UnknownProvider."""
        found = self.book.apps.get(client_id) if client_id else next(iter(self.book.apps.values()), None)
        if found is None:
            raise UnknownProvider(f"{self.name} has no app {client_id or 'at all'}.")
        return found

    def account(self, identity: str | None = None) -> Account:
        """The account of an id or e-mail address, or the first one. Raises UnknownProvider."""
        accounts = self.accounts()
        found = next((one for one in accounts if identity in {None, one.id, one.email}), None)
        if found is None:
            raise UnknownProvider(f"{self.name} has no account {identity}.")
        return found

    def token(self, kind: str, grant: Any, value: str, slot: str = "") -> Token:
        """A new token of this vendor's lifetime for its kind."""
        return self.book.issue(kind, grant, value, self.life[kind], slot)


def checked_address(url: str) -> str:
    """A receiver's address: https, or http on this machine, where a developer's receiver is. Raises WrongReceiver."""
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return url
    raise WrongReceiver("A receiver is an https address, or http on this machine (localhost, 127.0.0.1).")
