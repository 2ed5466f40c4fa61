"""Latency, resets, half-open connections, slices, cut-off data on both links: late, never lost, retries on record."""

import pytest

from tests.chaos import broken_links
from tests.chaos.proxy import FAULTS
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_when_links_break(roomy_folder, capsys):
    report = await broken_links.run(roomy_folder, 2 * len(FAULTS), choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
