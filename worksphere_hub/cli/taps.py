"""`worksphere-hub taps`: the programs of others that the hub may run as sources, each in an environment of its own."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from worksphere_hub.app.settings import load_settings
from worksphere_hub.cli.screen import out, say, table
from worksphere_hub.errors import InvalidInput
from worksphere_hub.sdk.tap import installed
from worksphere_hub.sdk.tap.installed import DESCRIPTION, NAME, Installed

app = typer.Typer(help="Install, list and remove Singer taps and Airbyte's kit.", no_args_is_help=True)

_AIRBYTE = ("airbyte-cdk==7.39.1",)
_AIRBYTE_PROGRAM = "source-declarative-manifest"
_PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@app.command("install")
def install(
    name: Annotated[str, typer.Argument(help="What organizations call it: small letters, digits and -.")],
    requirements: Annotated[list[str] | None, typer.Argument(help="What pip is given: tap-github==2.1.0.")] = None,
    program: Annotated[str, typer.Option(help="The program to run, where it is not called like the package.")] = "",
    airbyte: Annotated[bool, typer.Option("--airbyte", help="Airbyte's kit for declarative manifests.")] = False,
) -> None:
    """Install one. It runs as the hub's own user: install what you trust as much as the hub."""
    folder = _folder()
    if not NAME.fullmatch(name):
        raise InvalidInput("A name has small letters, digits and -, and begins with a letter or digit.")
    if (folder / name).exists():
        raise InvalidInput(f"There is {name} already: remove it first.")
    if airbyte and name != "airbyte":
        raise InvalidInput("Airbyte's kit is installed under the name airbyte.")
    wanted = tuple(requirements or (_AIRBYTE if airbyte else ()))
    if not wanted:
        raise InvalidInput("Say what pip is to install, such as tap-github==2.1.0.")
    called = _AIRBYTE_PROGRAM if airbyte else program or _project(wanted[0])
    made = Installed(name, "airbyte" if airbyte else "singer", folder / name / "bin" / called, wanted)
    try:
        _make(made, folder / name)
    except BaseException:
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    say(f"Installed {name}")


@app.command("list")
def show() -> None:
    """List those that there are."""
    found = installed.every(_folder())
    table(["name", "protocol", "program", "from"], [
        [each.name, each.protocol, each.program.name, " ".join(each.requirements)] for each in found
    ])  # fmt: skip


@app.command("remove")
def remove(name: str) -> None:
    """Remove one. Instances that use it say so when they are next tested."""
    if not NAME.fullmatch(name) or not (_folder() / name).is_dir():
        raise InvalidInput(f"There is no {name}.")
    # Without its description nobody starts it any more while its files go.
    (_folder() / name / DESCRIPTION).unlink(missing_ok=True)
    shutil.rmtree(_folder() / name)
    say(f"Removed {name}")


def _make(wanted: Installed, place: Path) -> None:
    out.print(f"Installing {', '.join(wanted.requirements)}")
    for command in (
        [sys.executable, "-m", "venv", str(place)],
        [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
         *wanted.requirements],
    ):  # fmt: skip
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - the operator's own words
            raise InvalidInput("It could not be installed; what pip said stands above.")
    if not wanted.program.exists():
        there = ", ".join(sorted(each.name for each in (place / "bin").glob("*tap*"))) or "none that looks like one"
        raise InvalidInput(f"It brought no program {wanted.program.name} but {there}. Say which with --program.")
    (place / DESCRIPTION).write_text(installed.describe(wanted), encoding="utf-8")


def _project(requirement: str) -> str:
    found = _PROJECT.match(Path(requirement).name)
    return found[0].lower() if found else requirement


def _folder() -> Path:
    folder = load_settings().connections.taps
    if folder is None:
        raise InvalidInput("Set HUB_CONNECTIONS_TAPS to a folder for them, for the hub as well.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
