"""PgBouncer in transaction mode in front of the tests' server, where it is installed."""

import asyncio
import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.conftest import _PASSWORDS
from worksphere_hub.db.embedded import free_port

PGBOUNCER = shutil.which("pgbouncer")
needs_pgbouncer = pytest.mark.skipif(
    PGBOUNCER is None, reason="PgBouncer is a Debian package that is not installed here: apt-get install pgbouncer"
)


def through(url, port):
    """The same login and database through the pooler."""
    parts = urlsplit(url)
    place = f"{parts.username}:{parts.password}@127.0.0.1:{port}"
    return parts._replace(netloc=place, query="pooler=transaction").geturl()


@asynccontextmanager
async def pooling(folder, url, *, size=2, more=""):
    """A pooler with so many connections to the server for each login; `more` is settings besides. Yields its port."""
    port, parts = free_port(), urlsplit(url)
    (folder / "users.txt").write_text("".join(f'"{name}" "{word}"\n' for name, word in _PASSWORDS.items()))
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\npool_mode = transaction\n"
        f"auth_type = scram-sha-256\nauth_file = {folder}/users.txt\ndefault_pool_size = {size}\n"
        "max_client_conn = 500\nserver_login_retry = 1\n" + more
    )
    assert PGBOUNCER is not None
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and is polled
        [PGBOUNCER, str(folder / "pgbouncer.ini")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who
    )
    try:
        async with asyncio.timeout(20):
            while True:
                try:
                    connection = await asyncpg.connect(
                        through(url, port).replace("?pooler=transaction", ""), statement_cache_size=0
                    )
                except (OSError, asyncpg.PostgresError):
                    assert process.poll() is None
                    await asyncio.sleep(0.05)
                else:
                    await connection.close()
                    break
        yield port
    finally:
        process.terminate()
        process.wait()
