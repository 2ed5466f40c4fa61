"""Send one complete answer from a bare ASGI callable."""

from starlette.types import Scope, Send

from worksphere_hub.errors import HubError
from worksphere_hub.http.headers import RawHeaders, request_id, security_headers
from worksphere_hub.http.problems import problem_bytes


async def send_answer(scope: Scope, send: Send, status: int, headers: RawHeaders, body: bytes) -> None:
    """Send a whole response: `headers` (length included), the security set, the request id and the body."""
    identity = (b"x-request-id", request_id(scope).encode())
    complete = [*headers, *security_headers(scope), identity]
    await send({"type": "http.response.start", "status": status, "headers": complete})
    await send({"type": "http.response.body", "body": body})


async def send_problem(scope: Scope, send: Send, error: HubError) -> None:
    """Send `error` as a problem answer, and leave its code for the request's log line."""
    status, headers, body = problem_bytes(error, request_id(scope))
    scope["state"]["problem_code"] = error.code
    await send_answer(scope, send, status, headers, body)
