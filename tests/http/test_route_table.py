"""The table knows each route by the template it was declared with."""

from fastapi import APIRouter, FastAPI

from worksphere_hub.http.route_table import RouteTable


async def read_file(path: str) -> str:
    return path


async def read_one(number: int) -> int:
    return number


def table():
    inner = APIRouter()
    inner.add_api_route("/one/{number:int}", read_one)
    inner.add_api_route("/files/{path:path}", read_file, methods=["GET", "PUT"])
    outer = APIRouter(prefix="/v1")
    outer.include_router(inner)
    app = FastAPI(openapi_url=None)
    app.include_router(outer)
    app.include_router(inner, prefix="/old")
    return RouteTable(app, [("POST", "/v1/events"), ("GET", "/v1/one/7")]), inner


def test_methods_of_a_path():
    routes, _ = table()
    assert routes.allowed("/v1/files/a/b/c") == ["GET", "HEAD", "OPTIONS", "PUT"]
    assert routes.allowed("/v1/one/5") == ["GET", "HEAD", "OPTIONS"]
    assert routes.allowed("/v1/one/five") == []
    assert routes.allowed("/one/5") == []
    assert routes.allowed("/v1/events") == ["OPTIONS", "POST"]
    assert routes.allowed("/v1/eventsX") == []


def test_templates_of_chosen_routes():
    routes, inner = table()
    route = inner.routes[0]
    assert routes.template({"route": route, "path": "/v1/one/5"}) == "/v1/one/{number}"
    assert routes.template({"route": route, "path": "/old/one/5"}) == "/old/one/{number}"
    assert routes.template({"path": "/v1/one/5"}) is None
