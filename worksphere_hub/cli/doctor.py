"""`worksphere-hub doctor`: look at the machine and the database, and say what to do."""

import asyncio
import os
import shutil
import socket
import sys
from pathlib import Path

import typer

from worksphere_hub.app.deployment import load, master_keys
from worksphere_hub.app.settings import Settings, load_settings
from worksphere_hub.cli.screen import out, working
from worksphere_hub.db.checks import Finding, examine
from worksphere_hub.db.migrate import require_current
from worksphere_hub.db.pool import Database
from worksphere_hub.errors import HubError

_DISK_WANTED = 2 * 1024**3
_FILES_WANTED = 1024


def doctor() -> None:
    """Check the machine, the database, the keys and the schema; exits with status 1 if something must be done."""
    settings = load_settings()
    findings = _machine(settings)
    if settings.database_url is None:
        findings.append(
            Finding("database", fine=True, sentence="No HUB_DATABASE_URL: `up` brings an embedded PostgreSQL.")
        )
    else:
        with working("Looking at the database"):
            findings += asyncio.run(_database(settings, settings.database_url.reveal()))
    for finding in findings:
        mark = "[green]fine[/]" if finding.fine else "[red]to do[/]"
        out.print(f"{mark:>14}  {finding.name}" + ("" if finding.fine else f"\n       {finding.sentence}"))
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


def _machine(settings: Settings) -> list[Finding]:
    place = settings.home if settings.home.exists() else Path.cwd()
    free = shutil.disk_usage(place).free
    findings = [
        Finding("Python", sys.version_info >= (3, 11), "Use Python 3.11 or newer."),
        Finding(
            "disk",
            free >= _DISK_WANTED,
            f"Only {free / 1024**3:.1f} GiB are free in {place}; the hub wants 2 GiB to start with.",
        ),
        Finding(
            "port",
            _port_is_free(settings),
            f"Something listens on {settings.host}:{settings.port} already (a running hub, perhaps). "
            "Stop it, or set HUB_PORT.",
        ),
    ]
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 - does not exist on Windows

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        findings.append(
            Finding("open files", limit >= _FILES_WANTED, f"The limit is {limit}: run `ulimit -n 65536` first.")
        )
    if os.environ.get("HUB_MASTER_KEY") or settings.key_file.exists():
        findings.append(_keys(settings))
    return findings


def _keys(settings: Settings) -> Finding:
    try:
        master_keys(settings)
    except HubError as error:
        return Finding("master key", fine=False, sentence=error.detail)
    return Finding("master key", fine=True, sentence="")


async def _database(settings: Settings, url: str) -> list[Finding]:
    try:
        findings = await examine(url, "hub_app")
        await require_current(url)
        database = await Database.open(url, application="worksphere-hub doctor", size=1)
        try:
            await load(database, master_keys(settings))
        finally:
            await database.close()
    except HubError as error:
        return [Finding("database", fine=False, sentence=error.detail)]
    return findings


def _port_is_free(settings: Settings) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError:
            return False
    return True
