"""Ten power cuts, and one with durability switched off that must be noticed."""

import pytest

from tests.chaos import power_loss
from tests.chaos.machine import why_not
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(300)
async def test_nothing_accepted_is_lost_when_the_power_fails(roomy_folder, capsys):
    if reason := why_not():
        pytest.skip(reason)
    report = await power_loss.run(roomy_folder, 10, choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
    assert report.control.endswith("lost, caught"), f"seed {report.seed}: {report.control}"
