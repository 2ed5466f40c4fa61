"""PURE: which scopes are asked for, which were granted, and which are missing."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from worksphere_hub.connections.errors import InvalidConnection
from worksphere_hub.errors import FieldProblem
from worksphere_hub.sdk.manifest.auth import OAuth2

_SEPARATORS = re.compile(r"[\s,]+")


def wanted(method: OAuth2, chosen: Sequence[str] | None = None) -> list[str]:
    """The scopes to ask for: those chosen and required, else the manifest's defaults. Raises InvalidConnection."""
    if chosen is None:
        return [name for name, scope in method.scopes.items() if scope.default or scope.required]
    unknown = [name for name in chosen if name not in method.scopes]
    if unknown:
        message = f"has no scope {unknown[0]!r} in the integration's manifest"
        raise InvalidConnection(f"scopes {message}.", problems=[FieldProblem("scopes", message)])
    picked = set(chosen)
    return [name for name, scope in method.scopes.items() if name in picked or scope.required]


def by_slot(method: OAuth2, scopes: Iterable[str]) -> Mapping[str, list[str]]:
    """The same scopes, apart by the token slot that each belongs to."""
    found: dict[str, list[str]] = {slot: [] for slot in method.slots}
    for name in scopes:
        scope = method.scopes.get(name)
        found.setdefault(scope.slot if scope else next(iter(method.slots)), []).append(name)
    return found


def read(said: object) -> list[str] | None:
    """Scopes as a provider says them: a text with spaces or commas, or a list; None when it says nothing."""
    if isinstance(said, str):
        return [name for name in _SEPARATORS.split(said) if name]
    if isinstance(said, list):
        return [name for name in cast("list[object]", said) if isinstance(name, str) and name]
    return None


def missing(method: OAuth2, granted: Iterable[str]) -> list[str]:
    """Required scopes that were not granted, in the manifest's order; of those never named nobody can tell."""
    held = set(granted)
    return [name for name, scope in method.scopes.items() if scope.required and scope.echoed and name not in held]
