"""The OpenAPI document: the framework's, made complete and true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.types import ASGIApp

from worksphere_hub.http.problems import Problem

Operation = Mapping[str, Any]
Document = dict[str, Any]

_REF = "#/components/schemas/{model}"
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An API key, a session, a portal token, or a JWT of the host product.",
}
_PROBLEM_RESPONSE = {
    "description": "A problem, with a stable `code`.",
    "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
}


@dataclass(frozen=True, slots=True)
class RawRoute:
    """A bare ASGI handler and what the document says of it; `schemas` are the components it refers to."""

    handle: ASGIApp
    operation: Operation
    schemas: Mapping[str, Any] = field(default_factory=dict[str, Any])


class DescribedApi(FastAPI):
    """The web framework's application with the hub's document."""

    raw_routes: Mapping[tuple[str, str], RawRoute] = {}

    def openapi(self) -> Document:
        """Write the document once; the routes do not change after the start."""
        if not self.openapi_schema:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            self.openapi_schema = complete(document, self.raw_routes)
        return self.openapi_schema


def operation_id(route: APIRoute) -> str:
    """Name an operation after its function."""
    return route.name


def complete(document: Document, raw_routes: Mapping[tuple[str, str], RawRoute]) -> Document:
    """Add the bare handlers, the security scheme and the problem answers to the framework's document."""
    paths: dict[str, dict[str, Any]] = document.setdefault("paths", {})
    components: dict[str, Any] = document.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    for (method, path), route in raw_routes.items():
        paths.setdefault(path, {})[method.lower()] = {**route.operation}
        schemas.update(route.schemas)
    for operation in _operations(paths):
        responses = {**operation.get("responses", {})}
        responses.pop("422", None)  # the framework's own error shape, which the hub never sends
        operation["responses"] = {**responses, "default": _PROBLEM_RESPONSE}
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    _, generated = models_json_schema([(Problem, "serialization")], ref_template=_REF)
    schemas.update(generated["$defs"])
    components.setdefault("securitySchemes", {})["bearer"] = _BEARER
    document["security"] = [{"bearer": []}]
    document["paths"] = dict(sorted(paths.items()))
    return document


def _operations(paths: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [operation for item in paths.values() for method, operation in item.items() if method in _METHODS]
