"""Compose database/schema-integration-hub.sql from the source files. Standard library alone.

python tools/compose_schema.py            write it
python tools/compose_schema.py --check    only say whether it is stale
python tools/compose_schema.py --initial  also write migrations/0001_initial.sql, until that is released
"""

import difflib
import hashlib
import sys
from pathlib import Path

DATABASE = Path(__file__).parents[1] / "database"
COMPOSED = DATABASE / "schema-integration-hub.sql"
INITIAL = DATABASE / "migrations" / "0001_initial.sql"

BANNER = """\
-- WorkSphere Hub: the whole schema, on an empty PostgreSQL 15 or newer, or in a Supabase project's SQL editor.
-- COMPOSED from database/schema by `make schema`. Do not edit: edit the source file named above each part.
"""


def source() -> str:
    """All source files in order, each under its name."""
    files = sorted((DATABASE / "schema").glob("*/*.sql"))
    return "\n".join(
        f"\n-- {'=' * 8} {file.relative_to(DATABASE).as_posix()}\n\n{file.read_text(encoding='utf-8').strip()}\n"
        for file in files
    )


def history() -> str:
    """Note every migration as applied: a schema that was loaded whole goes on from there."""
    rows = [
        f"    ('{file.stem}', '{hashlib.sha256(file.read_bytes()).hexdigest()}')"
        for file in sorted((DATABASE / "migrations").glob("*.sql"))
    ]
    return "insert into hub.schema_migrations (name, checksum) values\n" + ",\n".join(rows) + ";\n"


def composed() -> str:
    """The whole file, as one transaction."""
    ahead = "select hub.add_partitions(now() + interval '60 days');\n"
    return f"{BANNER}\nbegin;\n{source()}\n-- {'=' * 8} history\n\n{history()}{ahead}\ncommit;\n"


def main() -> int:
    """Write, or compare."""
    if "--check" in sys.argv:
        found = COMPOSED.read_text(encoding="utf-8") if COMPOSED.exists() else ""
        difference = difflib.unified_diff(found.splitlines(), composed().splitlines(), "found", "composed", lineterm="")
        lines = list(difference)
        if lines:
            print("\n".join(lines[:40]))
            print(f"{COMPOSED.name} is stale: run `make schema`")
        return 1 if lines else 0
    if "--initial" in sys.argv:
        INITIAL.write_text(source().lstrip(), encoding="utf-8")
    COMPOSED.write_text(composed(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
