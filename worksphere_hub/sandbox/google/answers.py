"""How Google says no."""

from starlette.responses import Response

from worksphere_hub.sandbox.wire import Answered, Json, answer


def problem(
    code: int, reason: str, message: str, where: tuple[str, str] | None = None, domain: str = "global"
) -> Response:
    """The error of Google's older APIs; `where` is its location's type and name."""
    line: Json = {"message": message, "domain": domain, "reason": reason}
    if where is not None:
        line |= {"locationType": where[0], "location": where[1]}
    return answer({"error": {"code": code, "message": message, "errors": [line]}}, code)


def refusal(code: int, reason: str, message: str, where: tuple[str, str] | None = None) -> Answered:
    """The same, as what is answered at once."""
    return Answered(problem(code, reason, message, where))


def no_file(identity: str) -> Answered:
    """What is not there, or not for you."""
    return refusal(404, "notFound", f"File not found: {identity}.", ("parameter", "fileId"))


def invalid(name: str, message: str = "Invalid Value") -> Answered:
    """A parameter that is wrong."""
    return refusal(400, "invalid", message, ("parameter", name))


def not_allowed() -> Answered:
    """There, to be seen, but not to be changed by you."""
    return refusal(403, "insufficientFilePermissions", "The user does not have sufficient permissions for this file.")
