"""The route class of every route that takes JSON: it reads the body strictly and takes nothing but JSON."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.http.errors import UnsupportedMediaType
from worksphere_hub.http.reading import announced_length
from worksphere_hub.http.strict_json import parse_json

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose JSON is read by the hub's rules instead of Python's."""

    async def json(self) -> Any:
        """Read the body; raises MalformedJson or TooDeep."""
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """Read JSON strictly: every router with a JSON route has `APIRouter(route_class=StrictRoute)`."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        inner = super().get_route_handler()
        names = frozenset(_query_names(self.dependant))
        is_list = "cursor" in names
        takes_json = self.body_field is not None and not isinstance(self.body_field.field_info, params.Form)

        async def strict(request: Request) -> Response:
            if takes_json:
                _require_json(request)
            if is_list:
                _require_known(request, names)
            strictly = request if isinstance(request, StrictRequest) else StrictRequest(request.scope, request.receive)
            return await inner(strictly)

        return strict


def _require_json(request: Request) -> None:
    has_body = announced_length(request.scope) > 0 or "transfer-encoding" in request.headers
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json" and not kind.endswith("+json"):
        raise UnsupportedMediaType("Send the body as JSON, with `content-type: application/json`.")


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)


def _require_known(request: Request, names: frozenset[str]) -> None:
    """A list that passed over a filter it does not know would show everything, as if all of it had been asked for."""
    unknown = [name for name in request.query_params if name not in names]
    if unknown:
        message = f"is no parameter of this list; it takes {', '.join(sorted(names))}"
        raise InvalidInput(f"A parameter {message}.", problems=[FieldProblem(name[:64], message) for name in unknown])
