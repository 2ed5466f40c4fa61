"""Which programs the operator has installed, by `worksphere-hub taps`. An organization chooses by name, and no more."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worksphere_hub.sdk.errors import BadSettings

Protocol = Literal["singer", "airbyte"]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
DESCRIPTION = "tap.json"


@dataclass(frozen=True, slots=True)
class Installed:
    """A program in its environment. `requirements` are what pip was given."""

    name: str
    protocol: Protocol
    program: Path
    requirements: tuple[str, ...] = ()


def every(folder: Path) -> list[Installed]:
    """All that are there, by name. What has no description, or one that cannot be read, is none."""
    found = (_read(each) for each in sorted(folder.iterdir())) if folder.is_dir() else ()
    return [each for each in found if each is not None]


def find(folder: Path | None, name: str, protocol: Protocol) -> Installed:
    """The one of that name. Raises BadSettings, with the names that there are."""
    if folder is None:
        raise BadSettings("This hub runs no taps: its operator has to set HUB_CONNECTIONS_TAPS and install one.")
    installed = _read(folder / name) if NAME.fullmatch(name) else None
    if installed is None or installed.protocol != protocol:
        there = ", ".join(each.name for each in every(folder) if each.protocol == protocol) or "none"
        raise BadSettings(f"The operator has installed no tap {name}; there are: {there}.")
    return installed


def describe(installed: Installed) -> str:
    """What `find` reads, to be written beside the environment."""
    return json.dumps(
        {
            "protocol": installed.protocol,
            "program": installed.program.name,
            "requirements": list(installed.requirements),
        },
        indent=2,
    )


def _read(place: Path) -> Installed | None:
    try:
        told = json.loads((place / DESCRIPTION).read_text(encoding="utf-8"))
        program = place / "bin" / Path(told["program"]).name
        return Installed(place.name, told["protocol"], program, tuple(told["requirements"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
