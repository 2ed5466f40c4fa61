"""A worker that comes back after its leases ran out finds itself fenced."""

import pytest

from tests.chaos import pauses
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(180)
async def test_a_worker_that_was_stopped_changes_nothing_when_it_goes_on(roomy_folder, capsys):
    report = await pauses.run(roomy_folder, 2, choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
    assert int(report.figures["late results fenced"]) >= 40
