"""Bulk API 2.0: jobs that read a query into CSV, and jobs that write CSV, with a result for each row."""

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from worksphere_hub.sandbox.salesforce.answers import RowError, missing, refusal
from worksphere_hub.sandbox.salesforce.state import Table, stamp
from worksphere_hub.sandbox.wire import Call, Json, answer, empty, whole

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce

_INGEST = {"insert", "update", "upsert", "delete", "hardDelete"}
_DELIMITERS = {"COMMA": ",", "TAB": "\t", "SEMICOLON": ";", "PIPE": "|", "CARET": "^", "BACKQUOTE": "`"}
_UPLOAD_LIMIT = 150_000_000
Rows = list[list[Any]]


@dataclass(slots=True)
class Job:
    """One job: `view` is what Salesforce shows, the rest what it holds."""

    view: Json
    heading: list[str] = field(default_factory=list[str])
    rows: Rows = field(default_factory=list[list[Any]])
    upload: bytes = b""
    good: Rows = field(default_factory=list[list[Any]])
    bad: Rows = field(default_factory=list[list[Any]])
    pending: Rows = field(default_factory=list[list[Any]])


class Bulk:
    """/jobs/query and /jobs/ingest. A job is in progress the first time it is asked for, and done the second."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce
        self._jobs: dict[str, Job] = {}

    def create_query(self, call: Call) -> Response:
        """POST /jobs/query"""
        wanted = call.object()
        if wanted.get("operation") not in {"query", "queryAll"}:
            raise refusal(400, "INVALIDJOB", "operation must be query or queryAll")
        query = self._salesforce.queries.read(str(wanted.get("query", "")))
        found = self._salesforce.queries.run(query, deleted=wanted["operation"] == "queryAll")
        job = self._new(call, wanted, query.table, "UploadComplete")
        job.heading = self._salesforce.queries.columns(query)
        job.rows = [self._salesforce.queries.cells(query, row) for row in found]
        return answer(job.view)

    def create_ingest(self, call: Call) -> Response:
        """POST /jobs/ingest"""
        wanted = call.object()
        table = self._salesforce.store.table(str(wanted.get("object", "")))
        if table is None:
            raise refusal(400, "INVALIDENTITY", f"Unable to find object: {wanted.get('object')}")
        if wanted.get("operation") not in _INGEST:
            raise refusal(400, "INVALIDJOB", f"operation must be one of {', '.join(sorted(_INGEST))}")
        if wanted["operation"] == "upsert" and not wanted.get("externalIdFieldName"):
            raise refusal(400, "INVALIDJOB", "externalIdFieldName is required for upsert")
        job = self._new(call, wanted, table.name, "Open")
        root = self._salesforce.root(call).lstrip("/")
        job.view["contentUrl"] = f"{root}/jobs/ingest/{job.view['id']}/batches"
        return answer(job.view)

    def upload(self, call: Call) -> Response:
        """PUT /jobs/ingest/{job}/batches: once."""
        job = self._job(call)
        if job.view["state"] != "Open" or job.upload:
            raise refusal(400, "INVALIDJOBSTATE", f"Job is {job.view['state']}, or has its data already")
        if len(call.body) > _UPLOAD_LIMIT:
            raise refusal(400, "CLIENTINPUTERROR", "The data is larger than 150 MB")
        job.upload = call.body
        return empty(201)

    def read(self, call: Call) -> Response:
        """GET /jobs/.../{job}"""
        job = self._job(call)
        state = job.view["state"]
        if state == "UploadComplete":
            job.view["state"] = "InProgress"
        elif state == "InProgress":
            self._finish(job)
        return answer(job.view)

    def change(self, call: Call) -> Response:
        """PATCH /jobs/.../{job}: close or abort."""
        job, state = self._job(call), call.object().get("state")
        if state not in {"UploadComplete", "Aborted"} or job.view["state"] in {"JobComplete", "Failed", "Aborted"}:
            raise refusal(400, "INVALIDJOBSTATE", f"A job that is {job.view['state']} does not become {state}")
        if state == "Aborted":
            heading, rows = _table(job)
            job.heading, job.pending = heading, rows
        job.view["state"] = state
        return answer(job.view)

    def remove(self, call: Call) -> Response:
        """DELETE /jobs/.../{job}"""
        job = self._job(call)
        if job.view["state"] not in {"JobComplete", "Failed", "Aborted", "UploadComplete"}:
            raise refusal(400, "INVALIDJOBSTATE", "A job that is open or in progress cannot be deleted")
        del self._jobs[job.view["id"]]
        return empty()

    def listing(self, call: Call) -> Response:
        """GET /jobs/query and /jobs/ingest"""
        asked = "/jobs/query" in call.path
        found = [job.view for job in self._jobs.values() if (job.view["operation"] not in _INGEST) == asked]
        return answer({"done": True, "records": found, "nextRecordsUrl": None})

    def results(self, call: Call) -> Response:
        """GET /jobs/query/{job}/results?locator&maxRecords"""
        job = self._job(call)
        if job.view["state"] != "JobComplete":
            raise refusal(400, "INVALIDJOBSTATE", "Results are there once the job is complete")
        begin, size = whole(call.query.get("locator"), 0), whole(call.query.get("maxRecords"), 50_000)
        rows = job.rows[begin : begin + size]
        after = str(begin + size) if begin + size < len(job.rows) else "null"
        headers = {"sforce-locator": after, "sforce-numberofrecords": str(len(rows))}
        return _csv(job, job.heading, rows, headers)

    def outcome(self, call: Call) -> Response:
        """GET /jobs/ingest/{job}/{successfulResults|failedResults|unprocessedrecords}"""
        job, which = self._job(call), call.part("which").lower()
        if which == "successfulresults":
            return _csv(job, ["sf__Id", "sf__Created", *job.heading], job.good)
        if which == "failedresults":
            return _csv(job, ["sf__Id", "sf__Error", *job.heading], job.bad)
        if which == "unprocessedrecords":
            return _csv(job, job.heading, job.pending)
        raise missing()

    def _job(self, call: Call) -> Job:
        job = self._jobs.get(call.part("job"))
        if job is None:
            raise missing()
        return job

    def _new(self, call: Call, wanted: Json, name: str, state: str) -> Job:
        identity = f"750{self._salesforce.identities.text('job', 15)}"
        now = stamp(self._salesforce.world.clock.now())
        version = float(call.part("version").lstrip("v"))
        view = {
            "id": identity, "operation": wanted["operation"], "object": name,
            "createdById": self._salesforce.user(call), "createdDate": now, "systemModstamp": now, "state": state,
            "concurrencyMode": "Parallel", "contentType": "CSV",
            "jobType": "V2Ingest" if state == "Open" else "V2Query", "apiVersion": version,
            "lineEnding": wanted.get("lineEnding", "LF"), "columnDelimiter": wanted.get("columnDelimiter", "COMMA"),
        }  # fmt: skip
        if wanted.get("externalIdFieldName"):
            view["externalIdFieldName"] = wanted["externalIdFieldName"]
        job = Job(view)
        self._jobs[identity] = job
        return job

    def _finish(self, job: Job) -> None:
        job.view |= {"state": "JobComplete", "retries": 0, "totalProcessingTime": 1}
        if job.view["operation"] not in _INGEST:
            job.view["numberRecordsProcessed"] = len(job.rows)
            return
        job.heading, rows = _table(job)
        table = self._salesforce.store.table(job.view["object"])
        assert table is not None
        for row in rows:
            values = dict(zip(job.heading, row, strict=False))
            try:
                identity, created = self._write(job, table, values)
                job.good.append([identity, str(created).lower(), *row])
            except RowError as error:
                fields = ":".join(error.fields) or "--"
                job.bad.append([values.get("Id", ""), f"{error.code}:{error.message}:{fields}", *row])
        job.view |= {"numberRecordsProcessed": len(rows), "numberRecordsFailed": len(job.bad)}

    def _write(self, job: Job, table: Table, values: Json) -> tuple[str, bool]:
        """One row; `#N/A` empties a field, and nothing leaves it as it is."""
        store, user, operation = self._salesforce.store, job.view["createdById"], job.view["operation"]
        given = {key: None if value == "#N/A" else value for key, value in values.items() if value != ""}
        if operation == "insert":
            row, created = store.insert(table, given, user), True
        elif operation == "upsert":
            name = job.view["externalIdFieldName"]
            found = store.by_external_id(table, name, str(given.get(name, "")))
            kept = {key: value for key, value in given.items() if key != "Id"}
            row = store.update(table, found[0], kept, user) if found else store.insert(table, kept, user)
            created = not found
        else:
            row, created = store.find(table, str(given.pop("Id", ""))), False
            if operation == "update":
                store.update(table, row, given, user)
            else:
                store.delete(row, user)
                return row["Id"], False
        self._salesforce.webhooks.changed(table, row)
        return row["Id"], created


def _table(job: Job) -> tuple[list[str], Rows]:
    text = io.StringIO(job.upload.decode("utf-8-sig"))
    lines: Rows = list(csv.reader(text, delimiter=_DELIMITERS[job.view["columnDelimiter"]]))
    return ([str(name) for name in lines[0]], [line for line in lines[1:] if line]) if lines else ([], [])


def _csv(job: Job, heading: list[str], rows: Rows, headers: dict[str, str] | None = None) -> Response:
    text = io.StringIO()
    ending = "\r\n" if job.view["lineEnding"] == "CRLF" else "\n"
    delimiter = _DELIMITERS[job.view["columnDelimiter"]]
    writer = csv.writer(text, delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(heading)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return Response(text.getvalue(), 200, headers, "text/csv")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
