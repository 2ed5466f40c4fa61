"""A provider of a few lines, in this process: what a connector is handed in instead of a connection."""

from collections.abc import Callable
from typing import Any

import msgspec

from worksphere_hub.expressions.compile import compile_expression
from worksphere_hub.sdk.api import Answer, Request


class ScriptedApi:
    """Answers each request by a function, and remembers them."""

    def __init__(
        self, answer: Callable[[Request], tuple[int, Any] | tuple[int, Any, dict[str, str]]], **settings: Any
    ) -> None:
        self.settings = settings
        self.captured: dict[str, Any] = {}
        self.requests: list[Request] = []
        self._answer = answer

    def evaluate(self, source, value):
        return evaluate(source, value)

    async def send(self, request: Request) -> Answer:
        self.requests.append(request)
        status, body, *headers = self._answer(request)
        encoded = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return Answer(status, headers[0] if headers else {}, encoded)


def evaluate(source: str, value: Any) -> Any:
    """The hub's expressions."""
    return compile_expression(source).evaluate(value)
