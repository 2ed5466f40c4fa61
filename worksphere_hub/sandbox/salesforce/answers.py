"""How Salesforce says no: a list of errors, each with a code."""

from typing import Any

from starlette.responses import Response

from worksphere_hub.sandbox.wire import Answered, Json, answer


class RowError(Exception):
    """One record is not accepted; in REST an answer of its own, in composite and Bulk a line among others."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = (), status: int = 400) -> None:
        self.code = code
        self.message = message
        self.fields = fields
        self.status = status
        super().__init__(message)

    def line(self) -> Json:
        """As composite resources list it."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}

    def response(self) -> Response:
        """As an answer of its own."""
        body: Json = {"message": self.message, "errorCode": self.code}
        return answer([{**body, "fields": list(self.fields)} if self.fields else body], self.status)


def refusal(status: int, code: str, message: str) -> Answered:
    """An answer with one error."""
    return Answered(answer([{"message": message, "errorCode": code}], status))


def missing() -> Answered:
    """What is not there."""
    return refusal(404, "NOT_FOUND", "The requested resource does not exist")


def success(identity: str, **more: Any) -> Json:
    """What a write answers."""
    return {"id": identity, "success": True, "errors": [], **more}
