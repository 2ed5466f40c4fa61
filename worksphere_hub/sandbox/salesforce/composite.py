"""Several records, or several requests, in one."""

import json
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from worksphere_hub.sandbox.salesforce.answers import RowError, missing, refusal, success
from worksphere_hub.sandbox.salesforce.state import Table
from worksphere_hub.sandbox.wire import Call, Json, answer, truthy

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce

_ROWS, _REQUESTS = 200, 25
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])+)\}")
_ROLLED_BACK: Json = {
    "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "fields": [],
    "message": "Record rolled back because not all records were valid and the request was using AllOrNone header",
}  # fmt: skip
Run = Callable[[str, str, bytes], Awaitable[tuple[int, Json | list[Any] | None, dict[str, str]]]]


class Composite:
    """/composite and /composite/sobjects."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce
        self._store = salesforce.store

    def create(self, call: Call) -> Response:
        """POST /composite/sobjects"""
        user = self._salesforce.user(call)
        return self._each(call, lambda table, values: success(self._made(table, values, user)))

    def update(self, call: Call) -> Response:
        """PATCH /composite/sobjects: each record names its id."""
        user = self._salesforce.user(call)

        def one(table: Table, values: Json) -> Json:
            row = self._store.find(table, str(values.get("Id") or values.get("id") or ""))
            kept = {key: value for key, value in values.items() if key.lower() != "id"}
            self._told(table, self._store.update(table, row, kept, user))
            return success(row["Id"])

        return self._each(call, one)

    def upsert(self, call: Call) -> Response:
        """PATCH /composite/sobjects/{X}/{field}"""
        user, name = self._salesforce.user(call), call.part("field")

        def one(table: Table, values: Json) -> Json:
            found = self._store.by_external_id(table, name, str(values.get(name, "")))
            if not found:
                return success(self._made(table, values, user), created=True)
            self._told(table, self._store.update(table, found[0], values, user))
            return success(found[0]["Id"], created=False)

        return self._each(call, one)

    def delete(self, call: Call) -> Response:
        """DELETE /composite/sobjects?ids="""
        user = self._salesforce.user(call)
        tables = {table.prefix: table for table in self._store.tables.values()}
        ids = [identity for identity in call.query.get("ids", "").split(",") if identity]

        def one(identity: str) -> Json:
            table = tables.get(identity[:3])
            if table is None:
                raise RowError("MALFORMED_ID", f"malformed id {identity}")
            self._store.delete(self._store.find(table, identity), user)
            return success(identity)

        return self._all(ids, one, truthy(call.query.get("allOrNone")))

    def retrieve(self, call: Call) -> Response:
        """GET and POST /composite/sobjects/{X}: records by their ids; null for what is not there."""
        table = self._salesforce.records.table(call)
        body = call.object() if call.method == "POST" else {}
        ids = body.get("ids") or call.query.get("ids", "").split(",")
        names = body.get("fields") or call.query.get("fields", "Id").split(",")
        found: list[Json | None] = []
        for identity in ids:
            try:
                found.append(self._salesforce.records.shown(call, table, self._store.find(table, identity), names))
            except RowError as error:
                if error.code == "INVALID_FIELD":
                    raise
                found.append(None)
        return answer(found)

    async def requests(self, call: Call, run: Run) -> Response:
        """POST /composite: up to 25 requests, which may refer to the answers before them."""
        wanted = call.object()
        parts: list[Json] = wanted.get("compositeRequest") or []
        if not 1 <= len(parts) <= _REQUESTS:
            raise refusal(400, "INVALID_INPUT", f"compositeRequest takes 1 to {_REQUESTS} requests.")
        before = self._store.snapshot()
        done: list[Json] = []
        bodies: dict[str, Any] = {}
        for part in parts:
            body = b"" if part.get("body") is None else json.dumps(_filled(part["body"], bodies)).encode()
            status, found, headers = await run(part["method"], str(_filled(part["url"], bodies)), body)
            bodies[part["referenceId"]] = found
            done.append(
                {"body": found, "httpHeaders": headers, "httpStatusCode": status, "referenceId": part["referenceId"]}
            )
            if status >= 400 and wanted.get("allOrNone"):
                self._store.restore(before)
                for one in done[:-1]:
                    one |= {"httpStatusCode": 400, "body": [{"errorCode": "PROCESSING_HALTED", "message": "The transaction was rolled back since another operation in the same transaction failed."}]}  # fmt: skip # noqa: E501 - the vendor's sentence
                break
        return answer({"compositeResponse": done})

    def _each(self, call: Call, work: Callable[[Table, Json], Json]) -> Response:
        body = call.object()
        records: list[Json] = body.get("records") or []

        def one(values: Json) -> Json:
            table = self._store.table(str(values.get("attributes", {}).get("type", "")))
            if table is None:
                raise RowError("INVALID_TYPE", "sObject type is not supported.")
            return work(table, values)

        return self._all(records, one, bool(body.get("allOrNone")))

    def _all(self, wanted: list[Any], work: Callable[[Any], Json], together: bool) -> Response:  # noqa: FBT001 - private
        if len(wanted) > _ROWS:
            raise refusal(
                400, "EXCEEDED_MAX_SIZE_REQUEST", f"record limit reached. cannot submit more than {_ROWS} records"
            )
        if not wanted:
            raise missing()
        before = self._store.snapshot()
        done: list[Json] = []
        for one in wanted:
            try:
                done.append(work(one))
            except RowError as error:
                done.append({"success": False, "errors": [error.line()]})
        if together and not all(line["success"] for line in done):
            self._store.restore(before)
            done = [{"success": False, "errors": [_ROLLED_BACK]} if line["success"] else line for line in done]
        return answer(done)

    def _made(self, table: Table, values: Json, user: str) -> str:
        row = self._store.insert(table, values, user)
        self._told(table, row)
        return row["Id"]

    def _told(self, table: Table, row: Json) -> None:
        self._salesforce.webhooks.changed(table, row)


def _filled(value: Any, bodies: dict[str, Any]) -> Any:
    """`@{reference.id}` replaced by what that request answered."""
    if isinstance(value, dict):
        return {key: _filled(one, bodies) for key, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    if isinstance(value, list):
        return [_filled(one, bodies) for one in value]  # pyright: ignore[reportUnknownVariableType] - JSON
    if not isinstance(value, str):
        return value

    def replace(found: re.Match[str]) -> str:
        target: Any = bodies.get(found[1])
        for step in re.findall(r"\w+", found[2]):
            try:
                target = target[int(step) if step.isdigit() else step]
            except (KeyError, IndexError, TypeError) as error:
                raise refusal(400, "PROCESSING_HALTED", f"Invalid reference specified: {found[0]}") from error
        return str(target)

    return _REFERENCE.sub(replace, value)
