"""schema-integration-hub.sql is what its sources say, and a change in one of them is noticed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _compose(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(root / "tools" / "compose_schema.py"), *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of the database wing and of its tool."""
    shutil.copytree(ROOT / "database", tmp_path / "database")
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_composed_file_is_fresh():
    finished = _compose(ROOT, "--check")
    assert (finished.returncode, finished.stdout) == (0, "")


def test_every_source_and_every_migration_is_in_it():
    text = (ROOT / "database" / "schema-integration-hub.sql").read_text(encoding="utf-8")
    places = []
    for source in sorted((ROOT / "database" / "schema").glob("*/*.sql")):
        places.append(text.index(source.relative_to(ROOT / "database").as_posix()))
        assert source.read_text(encoding="utf-8").strip() in text
    assert len(places) > 20
    assert places == sorted(places)
    for migration in (ROOT / "database" / "migrations").glob("*.sql"):
        assert f"('{migration.stem}', '" in text


@pytest.mark.parametrize(
    "place",
    [
        "schema/00_foundation/010_schema.sql",
        "schema/80_partitions/810_partitions.sql",
        "migrations/0001_initial.sql",
        "schema-integration-hub.sql",
    ],
)
def test_a_change_is_noticed_and_composing_again_heals_it(copy, place):
    assert _compose(copy, "--check").returncode == 0
    with (copy / "database" / place).open("a", encoding="utf-8") as file:
        file.write("-- Changed.\n")
    finished = _compose(copy, "--check")
    assert finished.returncode == 1
    assert "schema-integration-hub.sql is stale: run `make schema`" in finished.stdout
    assert _compose(copy).returncode == 0
    assert _compose(copy, "--check").returncode == 0


def test_a_missing_file_and_a_new_source_are_noticed(copy):
    (copy / "database" / "schema-integration-hub.sql").unlink()
    assert _compose(copy, "--check").returncode == 1
    assert _compose(copy).returncode == 0
    (copy / "database" / "schema" / "80_partitions" / "820_new.sql").write_text("select 1;\n")
    assert "820_new.sql" in _compose(copy, "--check").stdout
