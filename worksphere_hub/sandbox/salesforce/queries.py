"""query, queryAll and what follows a page; deleted and updated records of a time."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.clock import parse_iso
from worksphere_hub.sandbox.salesforce.answers import missing, refusal
from worksphere_hub.sandbox.salesforce.query import Finder, NoSuchColumn
from worksphere_hub.sandbox.salesforce.soql import Query, WrongQuery, parse
from worksphere_hub.sandbox.salesforce.state import Table, stamp
from worksphere_hub.sandbox.wire import Call, Json, answer, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce

_KEPT_DAYS = 30


class Queries:
    """Reads of many."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce
        self._finder = Finder(salesforce.store)
        self._open: dict[str, list[Json]] = {}

    def query(self, call: Call) -> Response:
        """GET /query?q="""
        return self._first(call, deleted=False)

    def query_all(self, call: Call) -> Response:
        """GET /queryAll?q="""
        return self._first(call, deleted=True)

    def more(self, call: Call) -> Response:
        """GET /query/{locator}: `id-offset`, as nextRecordsUrl has it."""
        identity, _, offset = call.part("locator").rpartition("-")
        if identity not in self._open or not offset.isdigit():
            raise refusal(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return self._page(call, identity, int(offset))

    def read(self, text: str) -> Query:
        """A query that can be run. Answers 400."""
        try:
            query = parse(text, self._salesforce.world.clock.now())
            self._finder.columns(query)
        except WrongQuery as error:
            raise refusal(400, "MALFORMED_QUERY", str(error)) from error
        except NoSuchColumn as error:
            raise refusal(400, error.code, str(error)) from error
        return query

    def run(self, query: Query, *, deleted: bool) -> list[Json]:
        """The rows of a query. Answers 400."""
        try:
            return self._finder.rows(query, deleted=deleted)
        except NoSuchColumn as error:
            raise refusal(400, error.code, str(error)) from error

    def cells(self, query: Query, row: Json) -> list[object]:
        """A row as a line of a table."""
        table = self._finder.table(query)
        return [self._finder.value(table, row, name) for name in self._finder.columns(query)]

    def columns(self, query: Query) -> list[str]:
        """The heading of that table."""
        return self._finder.columns(query)

    def deleted(self, call: Call) -> Response:
        """GET /sobjects/{X}/deleted?start&end"""
        table, start, end = self._window(call)
        rows = [row for row in table.rows.values() if row["IsDeleted"] and start <= row["SystemModstamp"] < end]
        found = [{"id": row["Id"], "deletedDate": row["SystemModstamp"]} for row in rows]
        earliest = stamp(self._salesforce.world.clock.now() - timedelta(days=_KEPT_DAYS))
        return answer({"deletedRecords": found, "earliestDateAvailable": earliest, "latestDateCovered": end})

    def updated(self, call: Call) -> Response:
        """GET /sobjects/{X}/updated?start&end"""
        table, start, end = self._window(call)
        rows = [row for row in table.rows.values() if not row["IsDeleted"] and start <= row["SystemModstamp"] < end]
        return answer({"ids": [row["Id"] for row in rows], "latestDateCovered": end})

    def _window(self, call: Call) -> tuple[Table, str, str]:
        table = self._salesforce.records.table(call)
        start, end, now = self._minute(call, "start"), self._minute(call, "end"), self._salesforce.world.clock.now()
        if start >= end:
            raise refusal(400, "INVALID_REPLICATION_DATE", "startDate must be at least one minute before endDate")
        if start < now - timedelta(days=_KEPT_DAYS):
            raise refusal(400, "INVALID_REPLICATION_DATE", "startDate cannot be more than 30 days ago")
        end = min(end, now.replace(second=0, microsecond=0))
        return table, stamp(start), stamp(end)

    def _minute(self, call: Call, name: str) -> datetime:
        """Seconds are cut off, as Salesforce does."""
        try:
            # A plus of the zone that was not encoded has become a blank.
            return parse_iso(call.query[name].replace(" ", "+")).replace(second=0, microsecond=0)
        except (KeyError, ValueError) as error:
            raise refusal(400, "INVALID_REPLICATION_DATE", f"{name} is not a time: 2026-01-15T09:00:00Z") from error

    def _first(self, call: Call, *, deleted: bool) -> Response:
        query = self.read(call.query.get("q", ""))
        rows = self.run(query, deleted=deleted)
        if query.count:
            return answer({"totalSize": len(rows), "done": True, "records": []})
        identity = f"01g{self._salesforce.identities.text('locator', 15)}"
        version = call.part("version")
        self._open[identity] = [self._finder.record(query, row, version) for row in rows]
        return self._page(call, identity, 0)

    def _page(self, call: Call, identity: str, offset: int) -> Response:
        rows, size = self._open[identity], self._size(call)
        if offset and offset >= len(rows):
            raise missing()
        body: Json = {"totalSize": len(rows), "done": offset + size >= len(rows)}
        if not body["done"]:
            body["nextRecordsUrl"] = f"{self._salesforce.root(call)}/query/{identity}-{offset + size}"
        return answer({**body, "records": rows[offset : offset + size]})

    def _size(self, call: Call) -> int:
        """`Sforce-Query-Options: batchSize=200`: 200 to 2000, or what the seed's `batch` allows."""
        usual = int(self._salesforce.seed.get("batch", 2000))
        _, _, wanted = call.headers.get("sforce-query-options", "").partition("=")
        return max(min(200, usual), min(usual, whole(wanted, usual)))
