"""Single records, by id and by external id, with conditions."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.clock import parse_iso
from worksphere_hub.sandbox.salesforce import describe
from worksphere_hub.sandbox.salesforce.answers import RowError, missing, refusal, success
from worksphere_hub.sandbox.salesforce.state import Table
from worksphere_hub.sandbox.wire import Call, Json, answer, empty

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce


class Records:
    """/sobjects/..."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce
        self._store = salesforce.store

    def objects(self, call: Call) -> Response:
        """GET /sobjects"""
        root = self._salesforce.root(call)
        found = [describe.brief(table, root) for table in self._store.tables.values()]
        return answer({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": found})

    def basics(self, call: Call) -> Response:
        """GET /sobjects/{X}"""
        table = self.table(call)
        return answer({"objectDescribe": describe.brief(table, self._salesforce.root(call)), "recentItems": []})

    def describe(self, call: Call) -> Response:
        """GET /sobjects/{X}/describe"""
        return answer(describe.full(self.table(call), self._salesforce.root(call)))

    def create(self, call: Call) -> Response:
        """POST /sobjects/{X}"""
        table = self.table(call)
        row = self._store.insert(table, call.object(), self._salesforce.user(call))
        self._salesforce.webhooks.changed(table, row)
        location = f"{self._salesforce.root(call)}/sobjects/{table.name}/{row['Id']}"
        return answer(success(row["Id"]), 201, {"location": location})

    def read(self, call: Call) -> Response:
        """GET /sobjects/{X}/{id}"""
        table = self.table(call)
        return self._shown(call, table, self._store.find(table, call.part("id")))

    def update(self, call: Call) -> Response:
        """PATCH /sobjects/{X}/{id}"""
        table = self.table(call)
        row = self._store.find(table, call.part("id"))
        _unchanged(call, table, row)
        self._store.update(table, row, call.object(), self._salesforce.user(call))
        self._salesforce.webhooks.changed(table, row)
        return empty()

    def delete(self, call: Call) -> Response:
        """DELETE /sobjects/{X}/{id}"""
        table = self.table(call)
        row = self._store.find(table, call.part("id"))
        _unchanged(call, table, row)
        self._store.delete(row, self._salesforce.user(call))
        return empty()

    def read_by(self, call: Call) -> Response:
        """GET /sobjects/{X}/{field}/{value}"""
        table, found = self._by(call)
        if not found:
            raise missing()
        return self._shown(call, table, found[0])

    def upsert(self, call: Call) -> Response:
        """PATCH /sobjects/{X}/{field}/{value}: 201 when it was made, 200 when it was there."""
        table, found = self._by(call)
        values, user = call.object(), self._salesforce.user(call)
        if found:
            _unchanged(call, table, found[0])
            row = self._store.update(table, found[0], values, user)
        else:
            row = self._store.insert(table, {**values, call.part("field"): call.part("value")}, user)
        self._salesforce.webhooks.changed(table, row)
        return answer(success(row["Id"], created=not found), 200 if found else 201)

    def delete_by(self, call: Call) -> Response:
        """DELETE /sobjects/{X}/{field}/{value}"""
        _, found = self._by(call)
        if not found:
            raise missing()
        self._store.delete(found[0], self._salesforce.user(call))
        return empty()

    def table(self, call: Call) -> Table:
        """The object of a path. Answers 404."""
        table = self._store.table(call.part("object"))
        if table is None:
            raise missing()
        return table

    def shown(self, call: Call, table: Table, row: Json, names: list[str] | None = None) -> Json:
        """A record as REST shows it, with these fields or all. Raises RowError for a field that is not there."""
        url = f"{self._salesforce.root(call)}/sobjects/{table.name}/{row['Id']}"
        rules = [(name, table.field(name.strip())) for name in names or table.fields]
        if wrong := [name for name, rule in rules if rule is None]:
            raise RowError("INVALID_FIELD", f"No such column '{wrong[0]}' on entity '{table.name}'.")
        kept = {rule.name: row.get(rule.name) for _, rule in rules if rule is not None}
        return {"attributes": {"type": table.name, "url": url}, **kept}

    def _by(self, call: Call) -> tuple[Table, list[Json]]:
        table = self.table(call)
        found = self._store.by_external_id(table, call.part("field"), call.part("value"))
        if len(found) > 1:
            urls = [f"{self._salesforce.root(call)}/sobjects/{table.name}/{row['Id']}" for row in found]
            raise RowError("MULTIPLE_CHOICES", f"more than one: {', '.join(urls)}", status=300)
        return table, found

    def _shown(self, call: Call, table: Table, row: Json) -> Response:
        since = _header_date(call, "if-modified-since")
        if since is not None and parse_iso(row["LastModifiedDate"]) <= since:
            return empty(304)
        names = call.query["fields"].split(",") if call.query.get("fields") else None
        headers = {
            "last-modified": row["LastModifiedDate"],
            **({"etag": _etag(row)} if table.name == "Account" else {}),
        }
        return answer(self.shown(call, table, row, names), 200, headers)


def _unchanged(call: Call, table: Table, row: Json) -> None:
    """Answer 412 if the record was changed since; If-Match is known for accounts alone."""
    since = _header_date(call, "if-unmodified-since")
    tag = call.headers.get("if-match")
    changed = since is not None and parse_iso(row["LastModifiedDate"]) > since
    if changed or (tag and table.name == "Account" and tag != _etag(row)):
        raise refusal(412, "PRECONDITION_FAILED", "The record has been modified since the date or tag of the request.")


def _header_date(call: Call, name: str) -> datetime | None:
    value = call.headers.get(name)
    if not value:
        return None
    try:
        return parsedate_to_datetime(value)
    except ValueError as error:
        raise refusal(400, "INVALID_HEADER", f"{name} is not an HTTP date: {value}") from error


def _etag(row: Json) -> str:
    return f'"{sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]}--gzip"'
