"""What can be done at Salesforce."""

from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from worksphere_hub.connectors.salesforce import bulk
from worksphere_hub.connectors.salesforce.calls import call, query
from worksphere_hub.sdk.action import Action, Deed
from worksphere_hub.sdk.api import Api
from worksphere_hub.sdk.errors import Missing

_OBJECT = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,79}$"}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9]{15}([A-Za-z0-9]{3})?$"}
_FIELDS = {"type": "object", "minProperties": 1}
_QUERIED = 10_000


class Query(Action):
    """Ask in SOQL."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers `records`, 10,000 at most, and whether there are `more`."""
        records: list[dict[str, Any]] = []
        async for found in query(api, given["soql"]):
            records += found
            if len(records) > _QUERIED:
                return {"records": records[:_QUERIED], "more": True}
        return {"records": records, "more": False}


class CreateRecord(Action):
    """Make a record."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers its `id`."""
        made = await call(api, "POST", f"/sobjects/{given['object']}", json=given["fields"], idempotent=False)
        return {"id": made["id"]}


class UpdateRecord(Action):
    """Change a record, if wished only when nobody else has since a moment."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers its `id`. Raises Conflict."""
        headers: dict[str, str] = {}
        if "unmodified_since" in given:
            headers["if-unmodified-since"] = format_datetime(
                datetime.fromisoformat(given["unmodified_since"]), usegmt=True
            )
        path = f"/sobjects/{given['object']}/{given['id']}"
        await call(api, "PATCH", path, json=given["fields"], headers=headers, idempotent=True)
        return {"id": given["id"]}


class DeleteRecord(Action):
    """Delete a record. One that is gone is gone."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers whether there was one."""
        try:
            await call(api, "DELETE", f"/sobjects/{given['object']}/{given['id']}", idempotent=True)
        except Missing:
            return {"deleted": False}
        return {"deleted": True}


class UpsertRecord(Action):
    """Make a record, or change the one that has this external id."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers its `id` and whether it was `created`."""
        name = quote(str(given["external_id"]), safe="")
        path = f"/sobjects/{given['object']}/{given['external_field']}/{name}"
        made: dict[str, Any] = await call(api, "PATCH", path, json=given["fields"], idempotent=True) or {}
        return {"id": made.get("id"), "created": bool(made.get("created"))}


class UpsertRecords(Action):
    """The same with 200 records at most in one request, each for itself."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers for each record in order: its `id`, whether it was `created`, and `errors`."""
        records = [{"attributes": {"type": given["object"]}, **record} for record in given["records"]]
        path = f"/composite/sobjects/{given['object']}/{given['external_field']}"
        done = await call(api, "PATCH", path, json={"allOrNone": False, "records": records}, idempotent=True)
        return [
            {"id": one.get("id"), "created": bool(one.get("created")), "errors": one.get("errors") or []}
            for one in done
        ]


class BulkWrite(Action):
    """Insert, update, upsert or delete many records as one job."""

    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Answers the rows that were `successful`, `failed` and `unprocessed`."""
        return await bulk.write(
            api, given["object"], given["operation"], given["records"], external_id=given.get("external_field")
        )


def actions() -> dict[str, Action]:
    """Salesforce's actions by name."""
    records = {"type": "array", "minItems": 1, "items": {"type": "object"}}
    one = {"object": _OBJECT, "id": _ID}
    made = [
        Query("query", _deed("Ask in SOQL", ("soql",), {"soql": {"type": "string", "maxLength": 100_000}}, twice=True)),
        CreateRecord(
            "create_record", _deed("Make a record", ("object", "fields"), {"object": _OBJECT, "fields": _FIELDS})
        ),
        UpdateRecord(
            "update_record",
            _deed(
                "Change a record",
                ("object", "id", "fields"),
                {**one, "fields": _FIELDS, "unmodified_since": {"type": "string", "format": "date-time"}},
                twice=True,
            ),
        ),
        DeleteRecord("delete_record", _deed("Delete a record", ("object", "id"), one, twice=True)),
        UpsertRecord(
            "upsert_record",
            _deed(
                "Make or change a record by an id of one's own",
                ("object", "external_field", "external_id", "fields"),
                {
                    "object": _OBJECT,
                    "external_field": _OBJECT,
                    "external_id": {"type": ["string", "integer"]},
                    "fields": _FIELDS,
                },
                twice=True,
            ),
        ),
        UpsertRecords(
            "upsert_records",
            _deed(
                "Make or change up to 200 records by ids of one's own",
                ("object", "external_field", "records"),
                {"object": _OBJECT, "external_field": _OBJECT, "records": {**records, "maxItems": 200}},
                twice=True,
            ),
        ),
        BulkWrite(
            "bulk_write",
            _deed(
                "Write many records as one job",
                ("object", "operation", "records"),
                {
                    "object": _OBJECT,
                    "operation": {"enum": ["insert", "update", "upsert", "delete"]},
                    "external_field": _OBJECT,
                    "records": {**records, "maxItems": 100_000},
                },
            ),
        ),
    ]
    return {action.name: action for action in made}


def _deed(title: str, required: tuple[str, ...], properties: dict[str, Any], *, twice: bool = False) -> Deed:
    schema = {"type": "object", "required": list(required), "additionalProperties": False, "properties": properties}
    return Deed(title, schema, idempotent=twice, scopes=("api",))
