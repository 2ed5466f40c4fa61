"""SIGKILL of API, worker, PostgreSQL and single backends: nothing accepted is lost, every duplicate is marked."""

import pytest

from tests.chaos import kills
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_when_processes_are_killed(roomy_folder, capsys):
    report = await kills.run(roomy_folder, 12, choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
