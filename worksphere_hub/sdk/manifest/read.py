"""PURE: from a document to a manifest, or to everything that is wrong with it, at once.

Expressions are only measured here: whoever evaluates them compiles them too.
"""

import json
from dataclasses import dataclass
from typing import NoReturn

from worksphere_hub.sdk.manifest.manifest import Manifest
from worksphere_hub.sdk.manifest.rules import rule_problems
from worksphere_hub.sdk.manifest.scopes import name_problems
from worksphere_hub.sdk.manifest.shape import Problem, shape, touches

PROBLEM_LIMIT = 200

# Where what a name stands for is described: of a part that had to be taken out, nothing can be said.
_DESCRIBED = {"settings": "settings", "credential": "auth", "captured": "auth", "input": "actions"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a document is: a manifest, or problems, of which there is at least one then."""

    manifest: Manifest | None
    problems: tuple[Problem, ...] = ()


def read(document: object) -> Reading:
    """Read a decoded JSON document as a manifest."""
    shaped = shape(document)
    problems = list(shaped.problems)
    if shaped.manifest is not None:
        found = [*rule_problems(shaped.manifest), *name_problems(shaped.manifest)]
        problems += [each for each in found if not _follows(each, shaped.removed)]
    if problems:
        return Reading(None, tuple(dict.fromkeys(problems))[:PROBLEM_LIMIT])
    return Reading(shaped.manifest)


def read_text(text: str | bytes) -> Reading:
    """Read the JSON text of a manifest."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        return _refused(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}")
    except (ValueError, RecursionError) as error:
        return _refused(f"is not JSON: {error}")
    return read(document)


def _follows(problem: Problem, removed: frozenset[str]) -> bool:
    """Whether a problem may be there only because something else was wrong, and taken out."""
    if touches(problem.path, removed):
        return True
    needed = None
    if problem.message.startswith("names "):
        needed = _DESCRIBED.get(problem.message.removeprefix("names ").partition(".")[0])
    elif problem.message.startswith(("is at ", "begins with a name")):
        needed = "hosts"
    elif problem.path.endswith(".slot") or ".scopes." in problem.path:
        needed = "auth"
    return any(gone.split(".")[0] == needed for gone in removed)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _refused(message: str) -> Reading:
    return Reading(None, (Problem("manifest", message),))
