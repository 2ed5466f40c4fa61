"""Refuse to start with routes that read their body loosely, or that cannot be told apart by name."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from fastapi import FastAPI, params
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from worksphere_hub.http.strict_route import StrictRoute


class LooseRoute(TypeError):
    """A route reads more than it says; the message names it and the cure."""


def check_routes(app: FastAPI) -> None:
    """Raise LooseRoute for a JSON route that is no StrictRoute, or whose body lets unknown fields pass.

    A field that is silently dropped is how a client's mistake, or its mass assignment, stays unseen.
    """
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or route.body_field is None:
            continue
        if isinstance(route.body_field.field_info, params.Form):
            continue
        name = f"{'/'.join(sorted(route.methods or ()))} {context.path} ({route.name})"
        if not isinstance(route, StrictRoute):
            raise LooseRoute(f"{name}: give its router `route_class=StrictRoute` (http.strict_route).")
        for body in route.dependant.body_params:
            schema = TypeAdapter[Any](cast("type[Any]", body.field_info.annotation)).json_schema()
            for title in _loose(schema):
                raise LooseRoute(f'{name}: give the model {title} `ConfigDict(extra="forbid")`.')


def check_names(app: FastAPI, others: Iterable[str]) -> None:
    """Raise ValueError when two operations, or one and one of `others`, carry one name.

    Generated clients name their methods after it, and would keep only one of the two.
    """
    contexts = [context for context in iter_route_contexts(app.routes) if context.include_in_schema]
    names = [*others, *(str(context.name) for context in contexts)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Several operations are called {', '.join(twice)}. Rename their functions.")


def _loose(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        node = cast("dict[str, Any]", schema)
        if isinstance(node.get("properties"), dict) and node.get("additionalProperties") is not False:
            yield str(node.get("title", "of its body"))
        for child in node.values():
            yield from _loose(child)
    elif isinstance(schema, list):
        for child in cast("list[object]", schema):
            yield from _loose(child)
