"""Bulk API 2.0: jobs that Salesforce works off by itself, for more than some thousands of records, both ways."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from worksphere_hub.connectors.salesforce.calls import call, send
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Rejected

# Rows of one fetch of results; bytes of one upload, of which Salesforce takes 150 MB as base64.
_ROWS = 50_000
_UPLOAD_BYTES = 100_000_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 20.0
_OVER = {"JobComplete", "Failed", "Aborted"}
Row = dict[str, str]


async def read(api: Api, soql: str, *, deleted: bool = False) -> AsyncIterator[list[Row]]:
    """The rows of a query in pages, every value a text, nothing an empty one. Raises ConnectorFailed."""
    wanted = {"operation": "queryAll" if deleted else "query", "query": soql}
    job = await call(api, "POST", "/jobs/query", json=wanted, idempotent=True)
    await _finished(api, f"/jobs/query/{job['id']}")
    locator = ""
    while True:
        asked: dict[str, str | int] = {"maxRecords": _ROWS, **({"locator": locator} if locator else {})}
        answer = await send(api, "GET", f"/jobs/query/{job['id']}/results", query=asked)
        yield _rows(answer.body)
        locator = answer.headers.get("sforce-locator", "null")
        if locator == "null":
            return


async def write(
    api: Api, name: str, operation: str, records: Sequence[Mapping[str, Any]], *, external_id: str | None = None
) -> dict[str, list[Row]]:
    """Insert, update, upsert or delete records of an object; answers what became of each.

    `successful`, `failed` (with `sf__Error`) and `unprocessed` are the records as they were sent, with what Salesforce
    says of them. They are of one upload at most.
    """
    content = _csv(records)
    if len(content) > _UPLOAD_BYTES:
        raise Rejected(f"These records are {len(content)} bytes; one upload holds {_UPLOAD_BYTES}.")
    wanted = {"object": name, "operation": operation, "lineEnding": "LF", "contentType": "CSV"}
    if external_id is not None:
        wanted["externalIdFieldName"] = external_id
    job = await call(api, "POST", "/jobs/ingest", json=wanted, idempotent=False)
    path = f"/jobs/ingest/{job['id']}"
    await send(api, "PUT", f"{path}/batches", body=content, headers={"content-type": "text/csv"}, idempotent=True)
    await call(api, "PATCH", path, json={"state": "UploadComplete"}, idempotent=True)
    await _finished(api, path)
    kinds = {"successful": "successfulResults", "failed": "failedResults", "unprocessed": "unprocessedrecords"}
    return {name: _rows((await send(api, "GET", f"{path}/{kind}")).body) for name, kind in kinds.items()}


async def _finished(api: Api, path: str) -> None:
    pause = _FIRST_PAUSE
    while (job := await call(api, "GET", path))["state"] not in _OVER:
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
    if job["state"] != "JobComplete":
        raise Rejected(f"Salesforce gave the job up: {job['state']}. {str(job.get('errorMessage') or '')[:200]}")


def _rows(content: bytes) -> list[Row]:
    return [dict(row) for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))]


def _csv(records: Sequence[Mapping[str, Any]]) -> bytes:
    """Records as CSV: `#N/A` empties a field, an empty one leaves it alone."""
    names = list(dict.fromkeys(name for record in records for name in record))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for record in records:
        writer.writerow({name: _cell(value) for name, value in record.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return "#N/A"
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
