"""The HTTP door of event types."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from worksphere_hub.accounts import organizations
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.errors import FieldProblem, InvalidInput
from worksphere_hub.events import contracts, type_store
from worksphere_hub.events.asyncapi import describe
from worksphere_hub.events.compatibility import breaking, compare
from worksphere_hub.events.models import EventType, EventTypeVersion
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page
from worksphere_hub.webhooks import event_types
from worksphere_hub.webhooks.event_type_schemas import (
    ChangeOut,
    CheckOut,
    ComparisonOut,
    DataToCheck,
    EventTypeCreate,
    EventTypeDetail,
    EventTypeOut,
    EventTypeUpdate,
    ImportedOut,
    ImportOut,
    ImportRequest,
    ProblemOut,
    SchemaToCompare,
    VersionOut,
    VersionShort,
)
from worksphere_hub.webhooks.event_types import EventTypes, Wanted

router = APIRouter(prefix="/v1/event-types", tags=["event types"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("event_types:read"))]
Writer = Annotated[Principal, Depends(requires("event_types:write"))]

_LATEST = 20


@router.post("", status_code=201)
async def create_event_type(request: Request, principal: Writer, wanted: EventTypeCreate) -> EventTypeOut:
    """Define an event type with the first version of its contract."""
    values = Wanted(
        description=wanted.description,
        enforcement=wanted.enforcement,
        indexed_attributes=tuple(wanted.indexed_attributes),
        schema=wanted.data_schema,
        sample=wanted.sample,
        changelog=wanted.changelog,
    )
    return _out(await event_types.define(_services(request), principal, wanted.name, values))


@router.get("")
async def list_event_types(
    request: Request,
    principal: Reader,
    page: Paged,
    q: Annotated[str | None, Query(max_length=200, description="Found in names and descriptions.")] = None,
) -> Page[EventTypeOut]:
    """List event types by name."""
    key = page.after(1)
    after = None if key is None else str(key[0])
    async with _services(request).database.tenant(principal.org) as tx:
        found = await type_store.page(tx, principal.org, after, _text(q), page.limit + 1)
    shown, cursor = cut_page(found, page.limit, lambda each: [each.name])
    return Page(data=[_out(each) for each in shown], next_cursor=cursor)


@router.get("/asyncapi")
async def export_event_types(request: Request, principal: Reader) -> dict[str, Any]:
    """Describe all event types as an AsyncAPI 3.0 document, with a made-up sample for a type that has none."""
    services = _services(request)
    organization = await organizations.find(services.database, principal, principal.org)
    async with services.database.tenant(principal.org) as tx:
        found = await type_store.page(tx, principal.org, None, None, services.settings.type_limit)
    return await asyncio.to_thread(describe, organization.name, found)


@router.post("/import")
async def import_event_types(request: Request, principal: Writer, wanted: ImportRequest) -> ImportOut:
    """Define or change event types by the `webhooks` of an OpenAPI 3.1 document or an AsyncAPI document.

    Each type stands for itself: one that is refused keeps no other from being taken.
    """
    outcomes = await event_types.import_types(
        _services(request),
        principal,
        wanted.document,
        allow_breaking=wanted.allow_breaking,
        dry_run=wanted.dry_run,
    )
    return ImportOut(
        data=[
            ImportedOut.model_validate(
                {
                    "name": each.name,
                    "outcome": each.outcome,
                    "version": each.version,
                    "problems": _problems(each.problems),
                    "notes": list(each.notes),
                }
            )
            for each in outcomes
        ]
    )


@router.get("/{name}")
async def get_event_type(request: Request, principal: Reader, name: str) -> EventTypeDetail:
    """Show one event type with its contract and its latest versions."""
    async with _services(request).database.tenant(principal.org) as tx:
        found = await type_store.find(tx, principal.org, name)
        versions = await type_store.versions(tx, principal.org, name, None, _LATEST)
    short = [
        VersionShort(
            version=each.version, changelog=each.changelog, created_at=each.created_at, created_by=each.created_by
        )
        for each in versions
    ]
    return EventTypeDetail(**_fields(found), versions=short)


@router.patch("/{name}")
async def update_event_type(request: Request, principal: Writer, name: str, wanted: EventTypeUpdate) -> EventTypeOut:
    """Change an event type. A change that breaks consumers is refused with its reasons unless it is meant."""
    attributes = wanted.indexed_attributes
    values = Wanted(
        description=wanted.description,
        enforcement=wanted.enforcement,
        indexed_attributes=None if attributes is None else tuple(attributes),
        deprecated=wanted.deprecated,
        schema=wanted.data_schema,
        sample=wanted.sample,
        clear_sample="sample" in wanted.model_fields_set and wanted.sample is None,
        changelog=wanted.changelog,
        allow_breaking=wanted.allow_breaking,
    )
    return _out(await event_types.change(_services(request), principal, name, values))


@router.delete("/{name}", status_code=204)
async def delete_event_type(request: Request, principal: Writer, name: str) -> Response:
    """Delete an event type with its versions. Its events stay; new ones are not checked any more."""
    await event_types.delete(_services(request), principal, name)
    return Response(status_code=204)


@router.get("/{name}/versions")
async def list_event_type_versions(request: Request, principal: Reader, name: str, page: Paged) -> Page[VersionOut]:
    """List the versions of an event type's contract, newest first."""
    key = page.after(1)
    if key is not None and not (isinstance(key[0], int) and 0 <= key[0] < 2**31):
        message = "is not a cursor of this list; leave it out to start from the first page"
        raise InvalidInput(f"cursor {message}.", problems=[FieldProblem("cursor", message)])
    before = None if key is None else int(key[0] or 0)
    async with _services(request).database.tenant(principal.org) as tx:
        await type_store.find(tx, principal.org, name)
        found = await type_store.versions(tx, principal.org, name, before, page.limit + 1)
    shown, cursor = cut_page(found, page.limit, lambda each: [each.version])
    return Page(data=[_version_out(each) for each in shown], next_cursor=cursor)


@router.post("/{name}/validate")
async def check_event_data(request: Request, principal: Reader, name: str, wanted: DataToCheck) -> CheckOut:
    """Say whether data keeps to the contract of an event type; nothing is published."""
    async with _services(request).database.tenant(principal.org) as tx:
        found = await type_store.find(tx, principal.org, name)
        version = found.current
        if wanted.version is not None:
            version = await type_store.version(tx, principal.org, name, wanted.version)
    problems = await asyncio.to_thread(contracts.fit, version.schema, wanted.data)
    return CheckOut(
        valid=not problems,
        version=version.version,
        enforcement=found.enforcement,
        problems=_problems(problems),
    )


@router.post("/{name}/compare")
async def compare_event_type(request: Request, principal: Reader, name: str, wanted: SchemaToCompare) -> ComparisonOut:
    """Say what a new schema would mean for consumers of the current one; nothing is changed."""
    async with _services(request).database.tenant(principal.org) as tx:
        found = await type_store.find(tx, principal.org, name)
    await asyncio.to_thread(contracts.check_schema, wanted.data_schema)
    changes = await asyncio.to_thread(compare, found.current.schema, wanted.data_schema)
    shown = [
        ChangeOut(path=each.path, kind=each.kind, breaking=each.breaking, message=each.message) for each in changes
    ]
    return ComparisonOut(compatible=not breaking(changes), version=found.current.version, changes=shown)


def _out(found: EventType) -> EventTypeOut:
    return EventTypeOut(**_fields(found))


def _fields(found: EventType) -> dict[str, Any]:
    return {
        "name": found.name,
        "description": found.description,
        "enforcement": found.enforcement,
        "deprecated_at": found.deprecated_at,
        "indexed_attributes": found.indexed_attributes,
        "version": found.current.version,
        "schema": found.current.schema,
        "sample": found.current.sample,
        "created_at": found.created_at,
        "updated_at": found.updated_at,
    }


def _version_out(version: EventTypeVersion) -> VersionOut:
    return VersionOut.model_validate(
        {
            "version": version.version,
            "schema": version.schema,
            "sample": version.sample,
            "changelog": version.changelog,
            "created_at": version.created_at,
            "created_by": version.created_by,
        }
    )


def _problems(problems: Sequence[FieldProblem]) -> list[ProblemOut]:
    return [ProblemOut(field=each.field, message=each.message) for each in problems]


def _text(q: str | None) -> str | None:
    """What to look for; PostgreSQL cannot hold a zero byte, so nothing is found by one."""
    return q.replace("\x00", "\ufffd") if q else None


def _services(request: Request) -> EventTypes:
    return request.state.event_types
