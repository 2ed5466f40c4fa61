"""The connect page's own door, for browsers of people without a key: what lets them in is the address itself.

Every answer is a page, whatever went wrong: who stands here cannot do anything with a problem document.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.routing import APIRoute

from worksphere_hub.accounts.requires import PUBLIC, origin
from worksphere_hub.connections import connections, flow_rules
from worksphere_hub.connections.browser_routes import base_of, send_off
from worksphere_hub.connections.connect import pages, rules, visit
from worksphere_hub.connections.connect.fields import entered, wrong_with
from worksphere_hub.connections.connect.pages import Setting, Trouble
from worksphere_hub.connections.connect.visit import Visit
from worksphere_hub.connections.errors import ConnectionDisabled, InvalidCredential, NotFromPage, PageGone
from worksphere_hub.connections.services import Connections
from worksphere_hub.errors import HubError
from worksphere_hub.http.headers import request_id
from worksphere_hub.sdk.manifest.auth import OAuth2
from worksphere_hub.telemetry.logs import Line

_COOKIE_SECONDS = 2 * 86_400
_Text = Annotated[str | None, Query(max_length=100)]


class PageRoute(APIRoute):
    """A route that answers failures with pages, too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler."""
        inner = super().get_route_handler()

        async def paged(request: Request) -> Response:
            try:
                return await inner(request)
            except HubError as error:
                return _notice(request, error.code, error.status)
            except Exception as error:  # noqa: BLE001 - a person is looking at this
                line = request.scope["state"].get("line")
                if isinstance(line, Line):
                    line.caught(error)
                return _notice(request, "internal_error", 500)

        return paged


router = APIRouter(prefix="/connect", include_in_schema=False, route_class=PageRoute, dependencies=[PUBLIC])


@router.get("/{token}")
async def open_connect_page(request: Request, token: str, lang: _Text = None, way: _Text = None) -> Response:
    """Show how things stand: what is to be done next, or that it is done."""
    room, base = _room(request)
    seen = await visit.open_visit(room, token)
    name, browser = _cookie(request, token, base)
    visit.require_browser(seen, browser)
    fresh = None if browser is not None else flow_rules.new_token()
    setting = _setting(request, seen, lang, browser or fresh)
    if seen.row["busy"]:
        return _page(request, setting, pages.notice_page(setting, "connect_busy", ""))
    told = await visit.code_of(room, seen, origin(request))
    if told is None and seen.row["sealed_device"] is not None:
        seen = await visit.open_visit(room, token)  # the code led somewhere, or is over
    targets = rules.form_targets(base, leaving=pages.leads_away(seen, way))
    if seen.done:
        page = pages.done_page(setting, seen)
    elif told is not None:
        page = pages.code_page(setting, seen, told)
    else:
        page = pages.way_page(setting, seen, way, None, {})
    answer = _page(request, setting, page, targets)
    if fresh is not None:
        _set_cookie(answer, name, fresh, base)
    return answer


@router.post("/{token}")
async def use_connect_page(request: Request, token: str) -> Response:
    """Do what was sent, and show what came of it by a redirect; what is wrong with the fields is shown at once."""
    room, base = _room(request)
    form = rules.read_form(await request.body())
    seen = await visit.open_visit(room, token)
    _, found = _cookie(request, token, base)
    browser = rules.require_own_form(found, form.get("key", ""), request.headers, base)
    visit.require_browser(seen, browser)
    chosen = form.get("lang")
    setting = _setting(request, seen, chosen, browser)
    if not seen.done:
        method = _method(seen, form)
        given = {} if method is None else entered(method, form)
        if method is not None and not _asks(method) and (wrong := wrong_with(method, given)):
            trouble = Trouble(InvalidCredential.code, fields=wrong)
            page = pages.way_page(setting, seen, form["way"], trouble, given)
            return _page(request, setting, page, status=422)
        kept = chosen if chosen in pages.LANGUAGES else None
        await visit.begin(room, seen, browser, kept, origin(request))
        try:
            answer = await _work(request, seen, form, given)
        except (ConnectionDisabled, PageGone):
            raise
        except HubError as error:
            return await _refused(request, setting, token, error, given)
        if answer is not None:
            return answer
    return Response(status_code=303, headers={"location": f"{base}{request.url.path}", **_private()})


async def _work(request: Request, seen: Visit, form: Mapping[str, str], given: Mapping[str, str]) -> Response | None:
    """Authorize, enter or test. Answers the way to the provider's page where it leads there."""
    room, base = _room(request)
    comes_from = origin(request)
    async with visit.step(room, seen):
        method = _method(seen, form)
        if method is None:
            assert seen.connection is not None
            await visit.settle(room, seen, seen.connection.id, comes_from)
            return None
        connection = await visit.connection_for(room, seen, form["way"], comes_from)
        if isinstance(method, OAuth2) and method.grant == "authorization_code":
            departure = await visit.leave(room, seen, connection, base)
            return send_off(departure, onward=seen.token, seconds=_COOKIE_SECONDS)
        if isinstance(method, OAuth2) and method.grant == "device_code":
            await visit.get_code(room, seen, connection)
            return None
        if method.type != "none":
            await connections.enter(room, visit.visitor_of(seen, comes_from), connection.id, given)
        await visit.settle(room, seen, connection.id, comes_from)
    return None


async def _refused(
    request: Request, setting: Setting, token: str, error: HubError, given: Mapping[str, str]
) -> Response:
    """The form again, with what is no secret of what was typed in, and what went wrong."""
    room, base = _room(request)
    seen = await visit.open_visit(room, token)
    request.scope["state"]["problem_code"] = error.code
    page = pages.way_page(setting, seen, None, Trouble(error.code), given)
    targets = rules.form_targets(base, leaving=pages.leads_away(seen, None))
    return _page(request, setting, page, targets, error.status)


def _method(seen: Visit, form: Mapping[str, str]) -> Any:
    """The way that was chosen; None where it is to be tested again what there is. Raises NotFromPage."""
    if form.get("do") == "test" and seen.connection is not None:
        return None
    if form.get("do") != "connect" or form.get("way") not in seen.ways():
        raise NotFromPage
    return seen.ways()[form["way"]]


def _asks(method: Any) -> bool:
    return isinstance(method, OAuth2) and method.grant in {"authorization_code", "device_code"}


def _room(request: Request) -> tuple[Connections, str]:
    room: Connections = request.state.connections
    base = base_of(request, room)
    flow_rules.require_safe(base)
    return room, base


def _cookie(request: Request, token: str, base: str) -> tuple[str, str | None]:
    """The name of the page's cookie, and what the browser sent of it."""
    name = rules.cookie_name(token, secure=base.startswith("https:"))
    found = request.cookies.get(name)
    return name, found if flow_rules.is_token(found) else None


def _set_cookie(answer: Response, name: str, value: str, base: str) -> None:
    # Lax: it has to be there when the provider's page sends the browser back.
    answer.set_cookie(
        name, value, max_age=_COOKIE_SECONDS, path="/", secure=base.startswith("https:"), httponly=True, samesite="lax"
    )


def _setting(request: Request, seen: Visit | None, chosen: str | None, browser: str | None) -> Setting:
    kept = None if seen is None else seen.row["language"]
    language = rules.language(pages.LANGUAGES, chosen, kept, request.headers.get("accept-language"))
    return Setting(language, rules.form_key(browser) if browser else "")


def _notice(request: Request, code: str, status: int) -> Response:
    request.scope["state"]["problem_code"] = code
    setting = _setting(request, None, request.query_params.get("lang"), None)
    page = pages.notice_page(setting, code, request_id(request.scope))
    return _page(request, setting, page, status=status)


def _page(request: Request, setting: Setting, page: str, targets: str = "'self'", status: int = 200) -> Response:
    headers = {
        **_private(),
        "content-security-policy": pages.policy(setting, targets),
        "content-language": setting.language,
        "vary": "accept-encoding, accept-language, cookie",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(page, status, media_type="text/html", headers=headers)
    headers["content-encoding"] = "gzip"
    return Response(pages.compressed(page), status, media_type="text/html", headers=headers)


def _private() -> dict[str, str]:
    return {"cache-control": "no-store", "referrer-policy": "no-referrer"}
