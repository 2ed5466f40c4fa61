"""What the sandbox starts with: the standard seed of each provider, and what a file puts in its place."""

import importlib
import json
import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from worksphere_hub.sandbox.clock import parse_iso
from worksphere_hub.sandbox.errors import WrongSeed
from worksphere_hub.sandbox.wire import Json

PROVIDERS = ("slack", "google", "salesforce", "microsoft", "zoom")
_TOP = {"start", "limits", *PROVIDERS}
_RELATIVE = re.compile(r"([+-])((?:\d+[smhd])+)")
_PIECE = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_HERE = Path(__file__).parent


def read_seed(path: Path) -> Json:
    """A seed from a file: .json, .toml, or .yaml where PyYAML is installed. Raises WrongSeed."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongSeed(f"The seed {path} cannot be read: {error.strerror}.") from error
    try:
        return check_seed(_parse(text, path.suffix.lower()))
    except (ValueError, TypeError) as error:
        raise WrongSeed(f"The seed {path} is not what its name says: {error}.") from error


def check_seed(seed: Any) -> Json:
    """A seed whose top is known. Raises WrongSeed."""
    if not isinstance(seed, dict):
        raise WrongSeed("A seed is an object.")
    names: set[str] = {str(name) for name in seed}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - read from a file
    if unknown := sorted(names - _TOP):
        raise WrongSeed(f"A seed has no {', '.join(unknown)}; it has {', '.join(sorted(_TOP))}.")
    return seed  # pyright: ignore[reportUnknownVariableType] - read from a file


def whole_seed(wanted: Json | None) -> Json:
    """The standard seed, with what is wanted in place of its parts: each key of a provider is replaced as a whole."""
    wanted = check_seed({} if wanted is None else wanted)
    providers = {name: {**standard(name), **wanted.get(name, {})} for name in PROVIDERS}
    return {"start": wanted.get("start"), "limits": wanted.get("limits", True), **providers}


def standard(provider: str) -> Json:
    """The standard seed of a provider."""
    return json.loads((_HERE / provider / "seed.json").read_text(encoding="utf-8"))


def moment(text: str | None, start: datetime) -> datetime:
    """A time of a seed: ISO 8601, or relative to the start: `-3d`, `+2h`, `-90m`, `-1d12h`. Raises WrongSeed."""
    if not text or text == "now":
        return start
    if relative := _RELATIVE.fullmatch(text):
        pieces = {_UNITS[unit]: int(number) for number, unit in _PIECE.findall(relative[2])}
        return start + timedelta(**pieces) if relative[1] == "+" else start - timedelta(**pieces)
    try:
        return parse_iso(text)
    except ValueError as error:
        raise WrongSeed(f"{text} is not a time: write it like 2026-01-15T09:00:00Z or -3d.") from error


def _parse(text: str, suffix: str) -> Any:
    if suffix == ".toml":
        return tomllib.loads(text)
    if suffix in {".yaml", ".yml"}:
        try:
            yaml = importlib.import_module("yaml")
        except ImportError as error:
            raise WrongSeed("Reading YAML takes PyYAML, which is not installed. Write the seed as JSON.") from error
        return yaml.safe_load(text)
    return json.loads(text)
