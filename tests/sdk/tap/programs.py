"""Small programs that stand for taps, and where an operator would have put them."""

import sys
from pathlib import Path

from worksphere_hub.sdk.tap.installed import DESCRIPTION, Installed, describe


def program(folder: Path, name: str, body: str, protocol="singer") -> Installed:
    """Install a Python script under a name."""
    place = folder / name / "bin" / name
    place.parent.mkdir(parents=True)
    place.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n")
    place.chmod(0o755)
    made = Installed(name, protocol, place)
    (folder / name / DESCRIPTION).write_text(describe(made))
    return made
