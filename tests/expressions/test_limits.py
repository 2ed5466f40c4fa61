"""The limits hold against expressions that are written to break them; each in a process of its own, so that a crash
would fail one test and not the suite."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.expressions.hostile import HOSTILE
from worksphere_hub.expressions.limits import ExpressionLimits

ROOT = Path(__file__).parents[2]

# Some overshoot: wildcards over wildcards take up to half a second and 200 MiB before they look at the clock. Without
# a limit each of these takes many seconds, many GiB, or the whole process with it.
SECONDS, MEBIBYTES = 2.0, 400
STOPPED = {"refused", "timeout", "steps", "too_large", "too_deep", "error"}
# These end by themselves, and need not be stopped.
HARMLESS = {"a picture of many digits", "a group for each", "a merge of many"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_expression_is_stopped_in_time_and_memory(name):
    done = subprocess.run(
        [sys.executable, "-m", "tests.expressions.hostile", name],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["became"] in STOPPED or name in HARMLESS, measured
    assert measured["seconds"] < SECONDS
    assert measured["grown"] < MEBIBYTES


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"timeout": 1001}, {"steps": 0}, {"source": 0}, {"depth": 0}, {"depth": 501}, {"string": 0},
     {"result": -1}, {"array": 0}, {"distinct": 0}],
)  # fmt: skip
def test_limits_that_would_not_bound_are_refused(wrong):
    with pytest.raises(ValueError, match="expression's"):
        ExpressionLimits(**wrong)
