"""Load a room's named SQL statements from its `queries.sql`."""

import re
from pathlib import Path

_HEADING = re.compile(r"^-- name: (?P<name>[a-z_0-9]+)$", re.MULTILINE)


class Queries:
    """The statements of one `.sql` file, as attributes: `QUERIES.insert_endpoint`.

    A file is a row of blocks: a line `-- name: insert_endpoint`, comment lines that say what it does, the statement.
    """

    def __init__(self, path: Path) -> None:
        """Read the file; a name twice, or text before the first name, is a mistake in the file."""
        head, *rest = _HEADING.split(path.read_text(encoding="utf-8"))
        if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
            raise ValueError(f"{path}: a statement stands before the first name")
        names = rest[0::2]
        if len(set(names)) != len(names):
            raise ValueError(f"{path}: two statements have the same name")
        self._statements = {name: text.strip().rstrip(";") for name, text in zip(names, rest[1::2], strict=True)}

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement is named {name}") from None

    def items(self) -> dict[str, str]:
        """All statements by name, for the test that prepares each of them."""
        return dict(self._statements)


def load_queries(module_file: str) -> Queries:
    """The statements beside a module: `QUERIES = load_queries(__file__)`."""
    return Queries(Path(module_file).with_name("queries.sql"))
