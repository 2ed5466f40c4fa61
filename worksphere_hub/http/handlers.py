"""Turn every failure inside the web framework into a problem answer."""

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from json import JSONDecodeError
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worksphere_hub.errors import FieldProblem, HubError, InvalidInput
from worksphere_hub.http.errors import ClientGone, MalformedJson, MethodNotAllowed, NoSuchRoute
from worksphere_hub.http.headers import request_id
from worksphere_hub.http.problems import Refusal, refusal_bytes
from worksphere_hub.telemetry.logs import Line

_PROBLEMS_SHOWN = 50
_NAME_CHARACTERS = 200
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_UNKNOWN_FIELD = "unknown field; remove it or check its spelling"


def install_handlers(app: FastAPI, allowed: Callable[[str], Sequence[str]]) -> None:
    """Answer failures of `app` with problems; `allowed` lists the methods of a path, for 405."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _answer(request, _from_http_exception(request, error, allowed))

    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(Exception, _unexpected)


async def _hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    line = request.scope["state"].get("line")
    if error.status >= 500 and isinstance(line, Line):
        line.caught(error)  # nobody above sees it, and what caused it is worth knowing
    return _answer(request, Refusal.of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, Refusal.of(describe_invalid(error)))


async def _unexpected(request: Request, _error: Exception) -> Response:
    # The exception itself goes on to the request's log line; the caller gets only the id to quote.
    return _answer(request, Refusal.of(internal_error(request_id(request.scope))))


def internal_error(identity: str) -> HubError:
    """Say that the hub itself failed, and nothing of how."""
    return HubError(f"The hub failed at this request. Quote request id {identity} to the people who run it.")


def describe_invalid(error: RequestValidationError) -> HubError:
    """Read the framework's list of findings; broken JSON is a failure of its own."""
    findings = cast("Sequence[Mapping[str, Any]]", error.errors())
    for finding in findings:
        if finding["type"] == "json_invalid":
            return _malformed(error.body, finding)
    problems = [FieldProblem(_dotted(finding["loc"]), _message(finding)) for finding in findings[:_PROBLEMS_SHOWN]]
    told = "; ".join(f"{problem.field}: {problem.message}" for problem in problems[:3])
    more = f" (and {len(findings) - 3} more)" if len(findings) > 3 else ""
    return InvalidInput(f"{told}{more}.", problems=problems)


def _malformed(body: object, finding: Mapping[str, Any]) -> MalformedJson:
    place = finding["loc"][-1]
    if not isinstance(body, str) or not isinstance(place, int):
        return MalformedJson()
    wrong = JSONDecodeError(str(finding.get("ctx", {}).get("error", "not JSON")), body, place)
    return MalformedJson(f"Line {wrong.lineno}, column {wrong.colno}: {wrong.msg}.")


def _dotted(location: Sequence[str | int]) -> str:
    # The first part says where (body, query, path, header); the rest is what the caller would call the field.
    parts = [str(part) for part in (location[1:] or location)]
    return ".".join(parts)[:_NAME_CHARACTERS]


def _message(finding: Mapping[str, Any]) -> str:
    if finding["type"] == "extra_forbidden":
        return _UNKNOWN_FIELD
    text = str(finding["msg"]).removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _from_http_exception(request: Request, error: HTTPException, allowed: Callable[[str], Sequence[str]]) -> Refusal:
    cause = error.__cause__
    if isinstance(cause, HubError):  # the framework wraps what is raised while it reads a body
        return Refusal.of(cause)
    if isinstance(cause, ClientDisconnect):
        return Refusal.of(ClientGone())
    if error.status_code == 404 and not allowed(request.scope["path"]):
        return Refusal.of(NoSuchRoute(f"There is no route at {request.scope['path'][:_NAME_CHARACTERS]}."))
    if error.status_code in {404, 405}:  # 404 also for a path that only bare handlers answer
        return _method_not_allowed(request, allowed)
    phrase = _PHRASES.get(error.status_code, "Refused")
    headers = [(name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()]
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    return Refusal(code, error.status_code, f"{phrase}.", str(error.detail), headers=headers)


def _method_not_allowed(request: Request, allowed: Callable[[str], Sequence[str]]) -> Refusal:
    methods = ", ".join(allowed(request.scope["path"]))
    refusal = Refusal.of(MethodNotAllowed(f"{request.method} is not possible here; {methods} are."))
    refusal.headers.append((b"allow", methods.encode()))
    return refusal


def _answer(request: Request, refusal: Refusal) -> Response:
    request.scope["state"]["problem_code"] = refusal.code
    status, headers, body = refusal_bytes(refusal, request_id(request.scope))
    response = Response(body, status)
    response.raw_headers = headers
    return response
