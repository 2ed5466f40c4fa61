"""An hour and two days, forth and back: no delivery is tried early, none is taken from its worker, none is lost."""

import pytest

from tests.chaos import clock_jumps
from tests.chaos.stage import choose_seed


@pytest.mark.timeout(180)
async def test_a_clock_that_jumps_changes_nothing(roomy_folder, capsys):
    if clock_jumps.library() is None:
        pytest.skip("libfaketime is not installed (Debian's package of that name)")
    report = await clock_jumps.run(roomy_folder, len(clock_jumps.JUMPS), choose_seed())
    with capsys.disabled():
        print(f"\n  {report.line()}")
    assert report.verdict.fine, f"seed {report.seed}: {report.verdict}"
    assert float(report.figures["largest jump seen by a receiver (h)"]) > 47, "the clock did not jump"
