"""A hub that brings its own PostgreSQL: its folder, its secrets, its logins."""

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from worksphere_hub.app.deployment import found, master_keys
from worksphere_hub.app.settings import InvalidSetting, Settings
from worksphere_hub.db.durable import write_durably
from worksphere_hub.db.embedded import EmbeddedServer, free_port
from worksphere_hub.db.logins import ensure_database, ensure_login
from worksphere_hub.db.migrate import migrate
from worksphere_hub.errors import HubError
from worksphere_hub.security.redact import Secret
from worksphere_hub.security.vault import create_master_key_file

API_LOGIN = "hub_api_login"
WORKER_LOGIN = "hub_worker_login"


class HomeInUse(HubError):
    """Another hub runs in this folder."""

    code = "home_in_use"


class Home:
    """The folder of a hub with an embedded server, held by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._secrets_file = self.folder / "secrets.json"
        self._lock = -1

    def hold(self) -> None:
        """Take the folder; raises HomeInUse while another process has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise HomeInUse(
                f"A hub runs in {self.folder} already. Stop it, or set HUB_HOME to another folder."
            ) from None

    def release(self) -> None:
        """Let others have the folder."""
        os.close(self._lock)

    def clear(self) -> None:
        """Delete the database, the keys and whatever else is here; the folder must be held."""
        server = EmbeddedServer(self.folder / "postgres", password="", port=0)
        shutil.rmtree(server.folder)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":
                path.unlink()

    def secrets(self) -> dict[str, str]:
        """The passwords of the embedded server's logins, made on first use and readable by this account alone."""
        if not self._secrets_file.exists():
            made = {name: secrets.token_hex(24) for name in ("hub_admin", API_LOGIN, WORKER_LOGIN)}
            write_durably(self._secrets_file, json.dumps(made), mode=0o600)
        return json.loads(self._secrets_file.read_text())

    def server_port(self) -> int:
        """The embedded server's port: the one it had before, if that is still free."""
        port = self.known_server_port()
        if port is None or not _is_free(port):
            port = free_port()
            write_durably(self.folder / "postgres.port", str(port))
        return port

    def known_server_port(self) -> int | None:
        """The port of the embedded server, or None if there has never been one here."""
        file = self.folder / "postgres.port"
        return int(file.read_text()) if file.exists() else None


def reach(settings: Settings, login: str = API_LOGIN) -> Settings:
    """Settings with which a command reaches the database: those given, else those of a hub that runs in `home`."""
    if settings.database_url is not None:
        return settings
    home = Home(settings.home)
    port = home.known_server_port()
    if port is None:
        raise InvalidSetting(f"HUB_DATABASE_URL is not set, and no hub has run in {home.folder}.")
    passwords = home.secrets()

    def url(name: str) -> Secret:
        return Secret(f"postgresql://{name}:{passwords[name]}@127.0.0.1:{port}/hub")

    return replace(settings, home=home.folder, database_url=url(login), owner_url=url("hub_admin"))


@contextmanager
def embedded_server(home: Home, *, progress: Callable[[str], None]) -> Generator[EmbeddedServer]:
    """Run the embedded server for as long as the block lasts."""
    server = EmbeddedServer(home.folder / "postgres", password=home.secrets()["hub_admin"], port=home.server_port())
    if not server.data.exists():
        progress("Creating the embedded PostgreSQL")
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def prepare(
    settings: Settings, home: Home, server: EmbeddedServer, *, progress: Callable[[str], None]
) -> tuple[Settings, Settings]:
    """Database, schema, logins and master key; answers the settings of the API process and of the worker."""
    passwords = home.secrets()
    if not settings.master_key and not settings.key_file.exists():
        create_master_key_file(settings.key_file)
        progress(f"Created a master key in {settings.key_file}. Back it up: without it no stored secret can be read")
    await ensure_database(server.url("postgres"), "hub")
    owner_url = server.url("hub")
    await migrate(owner_url, progress=lambda name: progress(f"Migrating: {name}"))
    await asyncio.gather(
        ensure_login(owner_url, API_LOGIN, passwords[API_LOGIN], ["hub_app"]),
        ensure_login(owner_url, WORKER_LOGIN, passwords[WORKER_LOGIN], ["hub_worker"]),
    )
    await found(owner_url, master_keys(settings))

    def settings_as(login: str) -> Settings:
        return replace(
            settings,
            home=home.folder,
            master_key_file=settings.key_file.resolve(),
            database_url=Secret(server.url("hub", user=login, password=passwords[login])),
            owner_url=Secret(owner_url),
        )

    return settings_as(API_LOGIN), settings_as(WORKER_LOGIN)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
