"""The server refuses to start with a route that reads loosely."""

from dataclasses import dataclass
from typing import Annotated

import pytest
from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, JsonValue

from tests.http.driving import build
from worksphere_hub.http.openapi import RawRoute
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.http.strictness import LooseRoute


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    data: dict[str, JsonValue] = {}


class Loose(BaseModel):
    name: str


class Nested(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: list[Loose] | None = None


@dataclass
class Record:
    name: str


async def strict(body: Strict) -> None: ...
async def loose(body: Loose) -> None: ...
async def nested(body: Nested) -> None: ...
async def record(body: Record) -> None: ...
async def two(one: Strict, other: Annotated[Loose, Body()]) -> None: ...
async def several(one: Strict, number: Annotated[int, Body()]) -> None: ...
async def free(body: dict[str, JsonValue]) -> None: ...
async def none() -> None: ...


def router(endpoint, kind=StrictRoute):
    made = APIRouter(prefix="/v1", route_class=kind) if kind else APIRouter(prefix="/v1")
    made.add_api_route("/things", endpoint, methods=["POST"])
    return made


@pytest.mark.parametrize("endpoint", [strict, several, free, none])
def test_strict_routes_start(endpoint):
    build([router(endpoint)])


def test_a_route_without_a_body_may_be_of_any_class():
    build([router(none, None)])


@pytest.mark.parametrize(
    ("endpoint", "model"), [(loose, "Loose"), (nested, "Loose"), (record, "Record"), (two, "Loose")]
)
def test_a_model_that_lets_unknown_fields_pass_is_named(endpoint, model):
    with pytest.raises(LooseRoute, match=rf"POST /v1/things \({endpoint.__name__}\): give the model {model}"):
        build([router(endpoint)])


def test_a_plain_route_with_a_body_is_named():
    outer = APIRouter(prefix="/outer")
    outer.include_router(router(strict, None))
    with pytest.raises(LooseRoute, match=r"POST /outer/v1/things \(strict\): give its router"):
        build([outer])


def test_two_operations_of_one_name_are_refused():
    again = APIRouter(prefix="/v2")
    again.add_api_route("/others", none, methods=["POST"])
    with pytest.raises(ValueError, match="Several operations are called none"):
        build([router(none), again])
    raw = {("POST", "/raw"): RawRoute(none, {"operationId": "none"})}
    with pytest.raises(ValueError, match="none"):
        build([router(none)], raw)
    build([router(none)], {("POST", "/raw"): RawRoute(none, {"operationId": "other"}), ("GET", "/raw"): none})
