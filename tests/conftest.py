"""One real PostgreSQL for the whole run, and a fresh database with the schema for every test that asks for one."""

import asyncio
import itertools
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from worksphere_hub.db.embedded import EmbeddedServer, free_port
from worksphere_hub.db.logins import ensure_login
from worksphere_hub.db.migrate import migrate

# No timing decides a test: a busy machine may take its time over an example.
settings.register_profile("hub", deadline=None)
settings.load_profile("hub")

_TEMPLATE = "hub_template"
_PASSWORDS = {"hub_admin": "admin", "hub_api_login": "api", "hub_worker_login": "worker"}


@dataclass(frozen=True)
class Cluster:
    """The test run's PostgreSQL server."""

    server: EmbeddedServer

    def url(self, database: str, user: str = "hub_admin") -> str:
        return self.server.url(database, user=user, password=_PASSWORDS[user])


@dataclass(frozen=True)
class HubDatabase:
    """A database of its own with the whole schema; the logins are shared by the cluster."""

    cluster: Cluster
    name: str

    @property
    def admin_url(self) -> str:
        return self.cluster.url(self.name)

    @property
    def app_url(self) -> str:
        return self.cluster.url(self.name, "hub_api_login")

    @property
    def worker_url(self) -> str:
        return self.cluster.url(self.name, "hub_worker_login")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the server's own account can enter too; pytest's are for the user alone."""
    folder = Path(tempfile.mkdtemp(prefix="hub-test-", dir="/var/tmp"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def roomy_folder() -> Iterator[Path]:
    """An open folder for one test."""
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server on a free port, whose data goes with the run."""
    with open_folder() as folder:
        yield from _serve(folder)


def _serve(folder: Path) -> Iterator[Cluster]:
    server = EmbeddedServer(folder / "postgres", password=_PASSWORDS["hub_admin"], port=free_port())
    server.start()
    found = Cluster(server)
    try:
        asyncio.run(_make_template(found))
        yield found
    finally:
        server.stop()


async def _make_template(cluster: Cluster) -> None:
    admin = await asyncpg.connect(cluster.url("postgres"))
    await admin.execute(f"create database {_TEMPLATE}")
    await admin.close()
    await migrate(cluster.url(_TEMPLATE))
    for login, group in (("hub_api_login", "hub_app"), ("hub_worker_login", "hub_worker")):
        await ensure_login(cluster.url(_TEMPLATE), login, _PASSWORDS[login], [group])


_numbers = itertools.count()


@pytest.fixture
async def database(cluster: Cluster) -> AsyncIterator[HubDatabase]:
    """A fresh database with the schema, dropped after the test."""
    async for found in fresh_database(cluster):
        yield found


async def fresh_database(cluster: Cluster) -> AsyncIterator[HubDatabase]:
    """The same for fixtures of another scope."""
    name = f"hub_{next(_numbers)}_{secrets.token_hex(4)}"
    admin = await asyncpg.connect(cluster.url("postgres"))
    try:
        await admin.execute(f"create database {name} template {_TEMPLATE}")
        yield HubDatabase(cluster, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()
