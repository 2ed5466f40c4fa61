"""The demo's providers: the sandbox in their place, their apps registered, their integrations installed and ready."""

import json
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worksphere_hub.accounts.principal import Principal
from worksphere_hub.app.settings import Settings
from worksphere_hub.catalog import instances
from worksphere_hub.catalog.errors import InstanceExists
from worksphere_hub.catalog.services import Catalog
from worksphere_hub.connections import clients, flow_rules
from worksphere_hub.connections.errors import ClientExists
from worksphere_hub.connections.schemas import ClientCreate
from worksphere_hub.db.embedded import free_port
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError
from worksphere_hub.sandbox.app import KINDS
from worksphere_hub.sandbox.seeds import standard
from worksphere_hub.security.vault import Vault

SANDBOX_PORT = 4100
_READY_SECONDS = 30.0


class SandboxFailed(HubError):
    """The sandbox does not answer."""

    code = "sandbox_failed"


@dataclass(frozen=True, slots=True)
class Provided:
    """An integration of the demo: its slug, the sandbox's provider, and which of its apps each auth method goes by."""

    slug: str
    provider: str
    apps: tuple[tuple[str, int], ...]


PROVIDED = (
    Provided("slack", "slack", (("app", 0),)),
    Provided("google-drive", "google", (("user", 0),)),
    Provided("salesforce", "salesforce", (("user", 0), ("app", 0))),
    Provided("microsoft-teams", "microsoft", (("user", 0), ("app", 0))),
    Provided("zoom", "zoom", (("user", 0), ("server", 1))),
)


def sandbox_port(hub_port: int) -> int:
    """The sandbox's usual port beside a hub at its usual one, unless somebody has it; else a free one."""
    if hub_port != Settings().port:
        # Two demos that start at the same moment would both find the usual one free.
        return free_port()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", SANDBOX_PORT))
        except OSError:
            return free_port()
    return SANDBOX_PORT


def reroutes(sandbox_url: str) -> tuple[str, ...]:
    """The setting `HUB_EGRESS_REROUTES` by which the sandbox answers for the five providers' own hosts."""
    return tuple(f"{host}={sandbox_url}/{kind.name}" for kind in KINDS for host in kind.hosts)  # pyright: ignore[reportFunctionMemberAccess] - a class's names


def write_seed(folder: Path, bases: Iterable[str]) -> Path:
    """The sandbox's seed: its apps send browsers back to this hub, at any of its addresses."""
    callbacks = [f"{base}{flow_rules.CALLBACK}" for base in bases]
    seed: dict[str, Any] = {}
    for each in PROVIDED:
        uris = [f"{callback}{each.slug}" for callback in callbacks]
        apps: list[dict[str, Any]] = standard(each.provider)["apps"]
        seed[each.provider] = {
            "apps": [app | {"redirect_uris": uris} if "redirect_uris" in app else app for app in apps]
        }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "sandbox-seed.json"
    file.write_text(json.dumps(seed, indent=2) + "\n")
    return file


async def register(database: Database, vault: Vault, operator: Principal) -> None:
    """Register the sandbox's apps for everybody who installs the integrations; those that are there stay."""
    for each in PROVIDED:
        apps = standard(each.provider)["apps"]
        for method, number in each.apps:
            app = apps[number]
            wanted = ClientCreate(
                integration=each.slug,
                auth_method=method,
                client_id=app["client_id"],
                client_secret=app["client_secret"],
            )
            with suppress(ClientExists):
                await clients.create(database, vault, operator, wanted)


async def install(database: Database, settings: Settings, principal: Principal) -> None:
    """Install the five for an organization that has none of them."""
    catalog = Catalog(database, settings.catalog)
    for each in PROVIDED:
        with suppress(InstanceExists):
            await instances.install(catalog, principal, each.slug, instances.Wanted())


def wait_ready(port: int) -> None:
    """Return once the sandbox listens. Raises SandboxFailed."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SandboxFailed(f"Nothing listens on port {port} after {_READY_SECONDS:.0f} seconds.")
