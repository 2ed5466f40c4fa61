"""The walls stand, and they would be seen to fall."""

import shutil
import subprocess
import sys

import pytest

from tests.architecture.sources import PACKAGE, ROOT, imported, modules

CONTRACTS = (
    "Imports go down only",
    "Connectors know the connector kit and nothing else; nobody imports one",
    "The connector kit imports nothing of the hub",
    "The web framework lives in http and routes only",
    "The sandbox knows nothing of the hub",
    "The PostgreSQL driver lives in db only",
    "Outbound HTTP lives in security.egress only",
    "The expression library lives in expressions only",
)

# Where a file goes, what it comes to import, and what must be said of it.
PLANTED = (
    ("errors.py", "worksphere_hub.db.pool", "worksphere_hub.errors is not allowed to import worksphere_hub.db"),
    (
        "http/paging.py",
        "worksphere_hub.bus.doorbell",
        "worksphere_hub.http is not allowed to import worksphere_hub.bus",
    ),
    (
        "accounts/audit.py",
        "worksphere_hub.app.hub",
        "worksphere_hub.accounts is not allowed to import worksphere_hub.app",
    ),
    ("db/queries.py", "fastapi", "worksphere_hub.db is not allowed to import fastapi"),
    ("accounts/models.py", "asyncpg", "worksphere_hub.accounts is not allowed to import asyncpg"),
    ("webhooks/janitor.py", "pyreqwest", "worksphere_hub.webhooks is not allowed to import pyreqwest"),
    (
        "sandbox/wire.py",
        "worksphere_hub.security.signing",
        "worksphere_hub.sandbox is not allowed to import worksphere_hub.security",
    ),
    (
        "connectors/zoom/calls.py",
        "worksphere_hub.security.egress",
        "worksphere_hub.connectors is not allowed to import worksphere_hub.security",
    ),
    ("sdk/stream.py", "worksphere_hub.ids", "worksphere_hub.sdk is not allowed to import worksphere_hub.ids"),
    ("events/emit.py", "jlens", "worksphere_hub.events is not allowed to import jlens"),
    ("newroom/__init__.py", "json", "- worksphere_hub.newroom"),
)

# The contracts name the rooms there are; these fences hold for any room that is yet to come.
FENCES = {
    # The connector talks to other people's servers: nothing of the hub's own database is in its reach.
    "asyncpg": lambda name: name.startswith(("db/", "connectors/postgresql/")),
    "pymysql": lambda name: name.startswith("connectors/mysql/"),
    "pyreqwest": lambda name: name.startswith("security/") or name == "client/transport.py",
    "jlens": lambda name: name.startswith("expressions/"),
    "nats": lambda name: name.startswith("bus/"),
    "uvicorn": lambda name: name.startswith(("http/", "sandbox/")),
    "fastapi": lambda name: name.startswith(("http/", "app/")) or name.endswith("routes.py") or name in WEB,
    "starlette": lambda name: (
        name.startswith(("http/", "app/", "sandbox/")) or name.endswith("routes.py") or name in WEB
    ),
}
WEB = {
    "accounts/requires.py": "the dependency by which a route names its permission",
    "webhooks/publish.py": "a bare handler: the types of its three arguments",
    "webhooks/publish_openapi.py": "describes the bare handlers: the type of one",
}


def lint_imports(folder):
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.fixture
def copy(tmp_path):
    """A copy of the package with its contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(PACKAGE, tmp_path / "worksphere_hub", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_every_contract_is_kept():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    for contract in CONTRACTS:
        assert f"{contract} KEPT" in done.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in done.stdout


def test_what_is_forbidden_would_be_found(copy):
    for name, target, _ in PLANTED:
        (copy / "worksphere_hub" / name).parent.mkdir(exist_ok=True)
        with (copy / "worksphere_hub" / name).open("a") as file:
            file.write(f"\nimport {target}\n")
    done = lint_imports(copy)
    assert done.returncode == 1
    for contract in CONTRACTS:
        assert f"{contract} BROKEN" in done.stdout
    assert not [sentence for *_, sentence in PLANTED if sentence not in done.stdout]


@pytest.mark.parametrize("library", FENCES)
def test_a_library_stays_behind_its_fence(library):
    outside = [
        name
        for name, path in modules().items()
        if not FENCES[library](name) and library in {target.split(".")[0] for target in imported(path)}
    ]
    assert not outside


def test_an_exception_that_nobody_needs_any_more_is_taken_out():
    framework = {"fastapi", "starlette"}
    for name in WEB:
        assert framework & {target.split(".")[0] for target in imported(PACKAGE / name)}, name


def test_nobody_imports_the_tests():
    assert not [
        name
        for name, path in modules().items()
        if {"tests", "pytest"} & {target.split(".")[0] for target in imported(path)}
    ]
