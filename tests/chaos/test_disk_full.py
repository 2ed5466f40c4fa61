"""The disk fills up: 503 with Retry-After meanwhile, and everything accepted before and after is there."""

import pytest

from tests.chaos import disk_full
from tests.chaos.machine import why_not
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(300)
async def test_a_full_disk_refuses_and_loses_nothing(roomy_folder, capsys):
    if reason := why_not():
        pytest.skip(reason)
    report = await disk_full.run(roomy_folder, 2, choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
    assert int(report.figures["answered 503 with Retry-After"]) > 0
