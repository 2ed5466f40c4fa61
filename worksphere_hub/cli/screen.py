"""What a person at a terminal sees: sentences, tables, and a sign of life in what takes long."""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from worksphere_hub.errors import HubError

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(sentence: str) -> None:
    """One line on the screen, kept."""
    err.print(f"[dim]·[/dim] {escape(sentence)}")


def complain(error: HubError) -> None:
    """A failure: what it is, what was wrong, and where."""
    err.print(f"[red bold]{escape(error.title())}[/]")
    if error.detail != error.title():
        err.print(escape(error.detail))
    for problem in error.problems:
        err.print(f"  {escape(problem.field)} {escape(problem.message)}")


@contextmanager
def working(sentence: str) -> Generator[None]:
    """Show that something is going on, with the seconds it takes, until the block ends."""
    with err.status(escape(sentence)):
        yield


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows under headings; when the output is not a terminal, tab-separated without headings, for other programs."""
    if not out.is_terminal:
        for row in rows:
            print("\t".join(row))  # noqa: T201 - the output itself
        return
    drawn = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    out.print(drawn)


def document(value: Mapping[str, object]) -> None:
    """One thing, whole, as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))  # noqa: T201 - the output itself
