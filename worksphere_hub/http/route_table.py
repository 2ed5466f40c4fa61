"""What routes there are, asked from outside the web framework: their templates, and the methods of a path."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from starlette.types import Scope


@dataclass(frozen=True, slots=True)
class _Entry:
    template: str
    pattern: re.Pattern[str]
    methods: frozenset[str]


def path_pattern(path: str) -> re.Pattern[str]:
    """What a bare handler's path matches: `{name}` one part of it, a last `{path}` all that is left."""
    parts = [part if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[a-z_]+\})", path)]
    text = "".join("[^/]+" if part.startswith("{") else part for part in parts)
    return re.compile(f"{text[: -len('[^/]+')]}.*\\Z" if path.endswith("{path}") else rf"{text}\Z", re.DOTALL)


class RouteTable:
    """A snapshot of an application's routes, and the bare handlers' beside them."""

    def __init__(self, app: FastAPI, raw: Iterable[tuple[str, str]]) -> None:
        """Read `app` after its last route was added; `raw` holds (method, path) of the bare handlers."""
        self._entries: list[_Entry] = []
        self._by_route: defaultdict[int, list[_Entry]] = defaultdict(list)
        for context in iter_route_contexts(app.routes):
            if context.path is None or context.methods is None:
                continue  # a mounted application answers for itself
            pattern, template, _ = compile_path(context.path)
            entry = _Entry(template, pattern, frozenset(context.methods))
            self._entries.append(entry)
            self._by_route[id(context.original_route)].append(entry)
        for method, path in raw:
            self._entries.append(_Entry(path, path_pattern(path), frozenset({method})))

    def template(self, scope: Scope) -> str | None:
        """Name the route the framework chose for this request; None when it chose none."""
        entries = self._by_route.get(id(scope.get("route")), [])
        if len(entries) > 1:  # one router included under two prefixes
            entries = [entry for entry in entries if entry.pattern.match(scope["path"])]
        return entries[0].template if entries else None

    def allowed(self, path: str) -> list[str]:
        """List the methods this path answers, in order; empty when there is no such path."""
        found = {method for entry in self._entries if entry.pattern.match(path) for method in entry.methods}
        if not found:
            return []
        if "GET" in found:
            found.add("HEAD")
        return sorted(found | {"OPTIONS"})
