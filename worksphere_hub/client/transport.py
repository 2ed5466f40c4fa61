"""The HTTP library, behind one class. Imported when the first call is made."""

from dataclasses import dataclass
from datetime import timedelta

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError

from worksphere_hub.client.errors import Unreachable


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    retry_after: str | None
    replayed: bool


class Transport:
    """A pool of connections to one hub."""

    def __init__(self, base_url: str, headers: dict[str, str], timeout: float) -> None:
        self._client: Client = (
            ClientBuilder()
            .base_url(base_url.rstrip("/") + "/")
            # A redirect would take the key to wherever it points.
            .follow_redirects(enable=False)
            .referer(enable=False)
            .default_cookie_store(enable=False)
            .timeout(timedelta(seconds=timeout))
            .default_headers(headers)
            .build()
        )

    async def send(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """One request, one answer. Raises Unreachable."""
        builder = self._client.request(method, path.removeprefix("/")).headers(headers)
        if body is not None:
            builder = builder.body_bytes(body)
        try:
            response = await builder.build().send()
            content = await response.bytes()
        except PyreqwestError as error:
            raise Unreachable(f"{method} /{path.lstrip('/').partition('?')[0]}: {_cause(error)}") from None
        return Answer(
            response.status,
            content.to_bytes(),
            response.get_header("retry-after"),
            response.get_header("idempotency-replayed") == "true",
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


def _cause(error: PyreqwestError) -> str:
    """The innermost cause: the library's own text holds the whole URL, queries and all."""
    causes = (error.details["causes"] or []) if isinstance(error, DetailedPyreqwestError) else []
    return causes[-1]["message"] if causes else type(error).__name__
