"""Objects of Salesforce as streams, by the time of their last change."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from worksphere_hub.connectors.salesforce import bulk
from worksphere_hub.connectors.salesforce.calls import call, query
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import StateExpired
from worksphere_hub.sdk.stream import Kind, Page, State, Stream

# Made of other fields, or fetched apart.
_LEFT_OUT = {"address", "location", "base64", "complexvalue"}
_NUMBERS = {"double", "currency", "percent"}
_JSON_TYPES = {**dict.fromkeys(_NUMBERS, "number"), "int": "integer", "boolean": "boolean"}
# A change is seen by its time only once it is committed.
_OVERLAP = timedelta(seconds=60)
# The recycle bin holds what was deleted for fifteen days: what went before the last read but one is not told.
_BIN = timedelta(days=14)


class Records(Stream):
    """The records of one object."""

    async def read(
        self, api: Api, state: State | None, *, only: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Page]:
        """Ordered by change, so that the state moves with each page; with `only={"bulk": True}` as a bulk job.

        A read from a state tells deletions as well. Raises StateExpired when the state is older than the recycle bin.
        """
        since = (state or {}).get("since")
        if since is not None and datetime.now(UTC) - _moment(since) > _BIN:
            raise StateExpired(f"Salesforce tells of what was deleted for {_BIN.days} days only.")
        fields = await self._fields(api)
        soql = f"SELECT {', '.join(fields)} FROM {self.name}"  # noqa: S608 - names out of Salesforce's own description
        if since is not None:
            soql += f" WHERE SystemModstamp >= {_written(_moment(since) - _OVERLAP)}"
        soql += " ORDER BY SystemModstamp, Id"
        pages = (
            self._bulk(api, soql, fields, since) if (only or {}).get("bulk") else query(api, soql, deleted=bool(since))
        )
        async for found in pages:
            kept = [record for record in found if not record.get("IsDeleted")]
            gone = [(record["Id"],) for record in found if record.get("IsDeleted")]
            if found:
                since = found[-1]["SystemModstamp"]
            yield Page(kept, {"since": since} if since else {}, gone)

    async def describe(self, api: Api) -> Kind:
        """With the fields that this account's object has."""
        properties = {
            name: {"type": [_JSON_TYPES.get(kind, "string"), "null"]}
            for name, kind in (await self._fields(api)).items()
        }
        kind = self.kind
        return Kind(
            kind.title, kind.primary_key, {"type": "object", "properties": properties}, kind.cursor_field,
            incremental=True, deletes=True, scopes=kind.scopes,
        )  # fmt: skip

    async def _fields(self, api: Api) -> dict[str, str]:
        described = await call(api, "GET", f"/sobjects/{self.name}/describe")
        return {field["name"]: field["type"] for field in described["fields"] if field["type"] not in _LEFT_OUT}

    async def _bulk(
        self, api: Api, soql: str, fields: Mapping[str, str], since: str | None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        async for rows in bulk.read(api, soql, deleted=since is not None):
            yield [{name: _value(text, fields.get(name, "string")) for name, text in row.items()} for row in rows]


def record_stream(name: str, title: str) -> Records:
    """The stream of an object."""
    schema = {"type": "object", "properties": {"Id": {"type": "string"}, "SystemModstamp": {"type": "string"}}}
    return Records(
        name, Kind(title, ("Id",), schema, "SystemModstamp", incremental=True, deletes=True, scopes=("api",))
    )


def _value(text: str, kind: str) -> Any:
    """A cell of CSV as JSON has it."""
    if text == "":
        return None
    if kind == "boolean":
        return text == "true"
    if kind == "int":
        return int(text)
    return float(text) if kind in _NUMBERS else text


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("+0000", "+00:00"))


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
