"""What the guide shows is what is tested."""

import re

from tests.architecture.sources import ROOT

GUIDE = (ROOT / "docs" / "guides" / "verify.md").read_text(encoding="utf-8")
PROGRAMS = ROOT / "examples" / "verify"
SHOWN = re.findall(r"^From \[([^\]]+)\]\([^)]+\):\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL | re.MULTILINE)


def test_every_program_is_shown_as_it_is():
    named = {path.name for path in PROGRAMS.iterdir() if path.stem.lower() == "verify"}
    assert {name for name, _ in SHOWN} == named
    assert len(SHOWN) == len(named) == 8
    assert not [name for name, text in SHOWN if text not in (PROGRAMS / name).read_text(encoding="utf-8")]
    assert all(len(text.splitlines()) > 15 for _, text in SHOWN)
    assert GUIDE.count("```") == 16
