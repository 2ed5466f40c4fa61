"""A list takes the parameters it has, its own and those of what it depends on, and no others."""

from fastapi import APIRouter

from tests.http.driving import build, call
from worksphere_hub.http.paging import Page, Paged
from worksphere_hub.http.strict_route import StrictRoute

router = APIRouter(prefix="/v1", route_class=StrictRoute)


@router.get("/things")
async def list_things(page: Paged, colour: str | None = None) -> Page[int]:
    return Page(data=[page.limit])


@router.get("/thing")
async def show_thing(colour: str | None = None) -> dict[str, str | None]:
    return {"colour": colour}


async def test_a_filter_that_a_list_does_not_have_is_named():
    app = build([router])
    assert (await call(app, "GET", "/v1/things?limit=7&colour=red")).json()["data"] == [7]
    answer = await call(app, "GET", "/v1/things?color=red&limit=7")
    assert answer.status == 422
    (problem,) = answer.json()["errors"]
    assert problem["field"] == "color"
    assert problem["message"].endswith("it takes colour, cursor, limit")


async def test_what_is_no_list_passes_over_what_it_does_not_know():
    assert (await call(build([router]), "GET", "/v1/thing?color=red")).status == 200
