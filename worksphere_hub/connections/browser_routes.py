"""Where the browser of an account's owner passes by: off to the provider, and back.

Both are open to everybody; what lets somebody in is the link, and then the state together with the browser's cookie.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts.requires import PUBLIC, origin
from worksphere_hub.connections import flow_rules, flows
from worksphere_hub.connections.connect import visit
from worksphere_hub.connections.connect.sessions import PATH
from worksphere_hub.connections.services import Connections

router = APIRouter(prefix="/v1/oauth", tags=["connections"])

_Text = Annotated[str | None, Query(max_length=4_096)]
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer"}


@router.get("/start/{token}", dependencies=[PUBLIC], status_code=303, response_class=Response)
async def start_oauth(request: Request, token: str) -> Response:
    """Send the browser to the provider's consent page. It has to come back within ten minutes, the same browser."""
    room: Connections = request.state.connections
    base = base_of(request, room)
    return send_off(await flows.start(room, token, base))


@router.get("/callback/{integration}", dependencies=[PUBLIC], response_class=Response)
async def finish_oauth(
    request: Request,
    integration: str,
    state: _Text = None,
    code: _Text = None,
    error: _Text = None,
    iss: _Text = None,
) -> Response:
    """Take the provider's answer: the account is connected, or the page says why not."""
    room: Connections = request.state.connections
    base = base_of(request, room)
    secure = flow_rules.require_safe(base)
    cookie = flow_rules.cookie_name(state or "", secure=secure)
    came = flows.Arrival(integration, state, code, error, iss)
    # What set out from a connect page has the way back to it in the cookie: the hub itself does not know it any more.
    browser, _, page = request.cookies.get(cookie, "").partition(".")
    if page:
        await visit.land(room, visit.Return(page, came, browser, base), origin(request))
        answer = Response(status_code=303, headers={"location": f"{base}{PATH}{page}", **_PRIVATE})
    else:
        answer = _answer(await flows.arrive(room, came, browser, base))
    answer.delete_cookie(cookie, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


def send_off(departure: flows.Departure, *, onward: str = "", seconds: int | None = None) -> Response:
    """Send a browser to the consent page. `onward` is the connect page that it comes back to."""
    answer = Response(status_code=303, headers={"location": departure.url, **_PRIVATE})
    # Lax: it has to be there when the provider's page sends the browser back.
    answer.set_cookie(
        departure.cookie, f"{departure.value}.{onward}" if onward else departure.value,
        max_age=seconds or departure.seconds, path="/", secure=departure.secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return answer


def base_of(request: Request, room: Connections) -> str:
    """Where browsers reach the hub, without a slash at its end."""
    return (room.settings.public_url or str(request.base_url)).rstrip("/")


def _answer(landed: flows.Landed) -> Response:
    connection = ids.encode("con", landed.connection)
    if landed.return_url is not None:
        where = flow_rules.returning(
            landed.return_url, connection_id=connection, status=landed.status, code=landed.code
        )
        return Response(status_code=303, headers={"location": where, **_PRIVATE})
    if landed.status == "connected":
        text = "The account is connected. You can close this window.\n"
    else:
        text = f"The account was not connected ({landed.code}). Close this window and begin again.\n"
    status = 200 if landed.status == "connected" else 400
    return Response(text, status, media_type="text/plain; charset=utf-8", headers=_PRIVATE)
