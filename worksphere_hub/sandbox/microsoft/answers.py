"""How Graph says no, and how it pages."""

import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from worksphere_hub.sandbox.clock import iso
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Microsoft

_LINK_SECONDS = 30 * 86_400.0


def problem(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Graph's error."""
    identity = str(uuid.uuid4())
    inner = {"request-id": identity, "client-request-id": identity}
    return answer({"error": {"code": code, "message": message, "innerError": inner}}, status, headers)


def refusal(status: int, code: str, message: str) -> Answered:
    """The same, as what is answered at once."""
    return Answered(problem(status, code, message))


def missing(what: str = "Resource") -> Answered:
    """What is not there, or not for you."""
    return refusal(404, "NotFound", f"{what} not found.")


class Links:
    """Opaque links: what the token of a next or delta link stands for, for a month."""

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft
        self._kept: dict[str, tuple[float, Any]] = {}

    def make(self, call: Call, parameter: str, value: Any) -> str:
        """The address of this call with a token for `value`, and nothing else of its query."""
        token = self._microsoft.identities.text("link", 64)
        self._kept[token] = (self._microsoft.world.clock.epoch() + _LINK_SECONDS, value)
        return f"{call.base}{call.path}?{parameter}={token}"

    def read(self, call: Call, parameter: str) -> Any:
        """What a link's token stands for; None without one. Answers 400 for an unknown one, 410 for one too old."""
        token = call.query.get(parameter)
        if token is None:
            return None
        expires, value = self._kept.get(token, (0.0, None))
        if value is None:
            raise refusal(400, "BadRequest", f"Parameter '{parameter}' is not valid.")
        if expires <= self._microsoft.world.clock.epoch():
            raise refusal(410, "SyncStateNotFound", "The sync state is not found or is expired: start over.")
        return value

    def page(self, call: Call, rows: list[Json], kind: str, usual: int, most: int) -> Response:
        """A page of rows. `kind` goes into @odata.context."""
        size, begin = self.read(call, "$skiptoken") or (page_size(call, usual, most), 0)
        body: Json = {
            "@odata.context": f"{call.base}/v1.0/$metadata#{kind}",
            "@odata.count": len(rows[begin : begin + size]),
        }
        if begin + size < len(rows):
            body["@odata.nextLink"] = self.make(call, "$skiptoken", (size, begin + size))
        return answer({**body, "value": [selected(call, row) for row in rows[begin : begin + size]]})


def page_size(call: Call, usual: int, most: int) -> int:
    """`$top`. Answers 400 for more than there may be."""
    size = whole(call.query.get("$top"), usual)
    if not 1 <= size <= most:
        raise refusal(
            400, "BadRequest", f"Invalid page size specified: '{size}'. Must be between 1 and {most} inclusive."
        )
    return size


def selected(call: Call, row: Json) -> Json:
    """The properties that `$select` names."""
    names = call.query.get("$select")
    if not names:
        return row
    kept = {name.strip() for name in names.split(",")}
    return {key: value for key, value in row.items() if key in kept or key.startswith("@") or key == "id"}


def graph_time(moment: Any) -> str:
    """Graph's stamps."""
    return iso(moment)
