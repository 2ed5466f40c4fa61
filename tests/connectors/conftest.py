"""The sandbox, as it was at the start for each test, and a MariaDB for all of them."""

import tempfile
from pathlib import Path

import pytest

from tests.connectors.databases import mariadb_server
from tests.sandbox.conftest import sandbox, served

__all__ = ["sandbox", "served"]


@pytest.fixture(scope="session")
def mariadb():
    with tempfile.TemporaryDirectory(prefix="hub-maria-", dir="/tmp") as folder:
        yield from _serve(Path(folder))


def _serve(folder):
    with mariadb_server(folder) as server:
        yield server
