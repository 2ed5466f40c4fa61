"""Real databases to connect to, and a connection as a direct connector is handed one."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sdk.scripted import evaluate
from worksphere_hub.db.embedded import free_port
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.api import Answer, Request
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.direct import Reached

MARIADBD = shutil.which("mariadbd")
needs_mariadb = pytest.mark.skipif(
    MARIADBD is None, reason="MariaDB is a Debian package that is not installed here: apt-get install mariadb-server"
)


@dataclass
class LocalApi:
    """`sdk.direct.DirectApi` to this machine, whatever the host is called."""

    settings: dict[str, Any]
    credential: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    taps: Path | None = None
    captured: dict[str, Any] = field(default_factory=dict)
    reached: list[tuple[str, int]] = field(default_factory=list)
    addresses: tuple[str, ...] = ("127.0.0.1",)

    async def reach(self, host: str, port: int) -> Reached:
        self.reached.append((host, port))
        return Reached(host, port, self.addresses)

    def evaluate(self, source, value):
        return evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        del request
        raise AssertionError("a database is not called by HTTP")


@dataclass
class Served:
    """A database that a test may do with as it likes; `sql` runs statements beside the connector."""

    connector: Connector
    api: LocalApi
    sql: Any

    async def stream(self, name):
        return (await self.connector.discover(self.api))[name]

    async def act(self, name, **given):
        return await self.connector.actions[name].run(self.api, given)


@asynccontextmanager
async def postgresql(server):
    """A fresh database of the tests' own server."""
    name = f"data_{uuid4().hex}"
    admin = await asyncpg.connect(server.url("postgres"))
    await admin.execute(f"create database {name}")
    inside = await asyncpg.connect(server.url(name))
    port = server.port
    api = LocalApi(
        {"host": "db.example", "port": port, "database": name, "tls": "off"},
        {"username": "hub_admin", "password": "admin"},
    )

    async def sql(statement, *values):
        return await (inside.fetch(statement, *values) if values else inside.execute(statement))

    try:
        yield Served(registry.load("postgresql"), api, sql)
    finally:
        await inside.close()
        await admin.execute(f"drop database {name} with (force)")
        await admin.close()


@asynccontextmanager
async def sqlite(folder):
    """A fresh file."""
    path = folder / f"{uuid4().hex}.db"
    inside = sqlite3.connect(path, isolation_level=None)

    async def sql(statement, *values):
        return inside.execute(statement, values).fetchall() if values else inside.executescript(statement)

    try:
        yield Served(registry.load("sqlite"), LocalApi({"file": path.name}, folder=folder), sql)
    finally:
        inside.close()


@dataclass(frozen=True)
class MariaDb:
    """A server whose certificate is good for `db.example`, and the authority that signed it."""

    port: int
    authority: str

    def connect(self, database=None):
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="hub", password="hub", database=database, autocommit=True,
            ssl_disabled=True, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
        )  # fmt: skip


@contextmanager
def mariadb_server(folder: Path):
    """A MariaDB of its own."""
    authority, certificate, key = certify("db.example")
    (folder / "cert.pem").write_text(certificate)
    (folder / "key.pem").write_text(key)
    data, port = folder / "data", free_port()
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    if who:
        shutil.chown(folder, "nobody", "nogroup")
    folder.chmod(0o755)
    for name in ("cert.pem", "key.pem"):
        (folder / name).chmod(0o644)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db"], check=True, **quiet, **who,
    )  # fmt: skip
    setup = folder / "init.sql"
    setup.write_text(
        "create user 'hub'@'127.0.0.1' identified by 'hub';\n"
        "grant all privileges on *.* to 'hub'@'127.0.0.1' with grant option;\n"
    )
    setup.chmod(0o644)
    process = subprocess.Popen(
        [MARIADBD, "--no-defaults", f"--datadir={data}", f"--socket={folder}/s", f"--port={port}",
         "--bind-address=127.0.0.1", "--skip-name-resolve", f"--ssl-cert={folder}/cert.pem",
         f"--ssl-key={folder}/key.pem", f"--init-file={setup}", "--innodb-flush-log-at-trx-commit=0",
         "--innodb-buffer-pool-size=16M", "--performance-schema=off"], **quiet, **who,
    )  # fmt: skip
    found = MariaDb(port, authority)
    try:
        deadline = datetime.now(UTC) + timedelta(seconds=60)
        while True:
            try:
                found.connect().close()
                break
            except pymysql.Error:
                assert process.poll() is None, "it ended"
                assert datetime.now(UTC) < deadline, "it does not answer"
        yield found
    finally:
        process.terminate()
        process.wait()


@asynccontextmanager
async def mysql(server: MariaDb):
    """A fresh database."""
    name = f"data_{uuid4().hex}"
    inside = server.connect()

    def run(statement, values):
        with inside.cursor() as cursor:
            cursor.execute(statement, values or None)
            rows = cursor.fetchall()
            while cursor.nextset():
                pass
            return rows

    async def sql(statement, *values):
        return await asyncio.to_thread(run, statement, values)

    await sql(f"create database {name} character set utf8mb4; use {name}; set time_zone = '+00:00'")
    api = LocalApi(
        {"host": "db.example", "port": server.port, "database": name, "authorities": server.authority},
        {"username": "hub", "password": "hub"},
    )
    try:
        yield Served(registry.load("mysql"), api, sql)
    finally:
        await sql(f"drop database {name}")
        inside.close()


def certify(host):
    """An authority, and a certificate of its own for a host with its key, all in PEM."""
    now = datetime.now(UTC)

    def sign(name, issuer, public, key, extension):
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = x509.CertificateBuilder().subject_name(named)
        made = made.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)])).public_key(public)
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        made = made.not_valid_after(now + timedelta(days=2)).add_extension(extension, critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(public)
        made = made.add_extension(identifier, critical=False)
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
        usage = {
            "digital_signature": True, "content_commitment": False, "key_encipherment": False,
            "data_encipherment": False, "key_agreement": False, "key_cert_sign": name == issuer,
            "crl_sign": name == issuer, "encipher_only": False, "decipher_only": False,
        }  # fmt: skip
        made = made.add_extension(by, critical=False).add_extension(x509.KeyUsage(**usage), critical=True)
        return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = sign("Root", "Root", root.public_key(), root, x509.BasicConstraints(ca=True, path_length=None))
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    certificate = sign(host, "Root", leaf.public_key(), root, names)
    plain = serialization.NoEncryption()
    key = leaf.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    return authority, certificate, key
