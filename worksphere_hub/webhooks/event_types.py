"""Define, change, delete and import event types."""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from worksphere_hub.accounts import audit
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.db.pool import Database, Transaction
from worksphere_hub.errors import Conflict, FieldProblem, HubError
from worksphere_hub.events import contracts, grammar, type_store
from worksphere_hub.events.compatibility import breaking, compare
from worksphere_hub.events.documents import Found, find_types
from worksphere_hub.events.errors import BreakingChange, EventTypeNotFound, InvalidEventType
from worksphere_hub.events.models import Enforcement, EventType
from worksphere_hub.events.settings import EventSettings
from worksphere_hub.events.type_store import NewVersion, Terms

_TRIES = 3
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class EventTypes:
    """What this side of the room works with."""

    database: Database
    settings: EventSettings


@dataclass(frozen=True, slots=True)
class Wanted:
    """New values of an event type's fields; None leaves one as it is, `clear_sample` takes the sample away."""

    description: str | None = None
    enforcement: Enforcement | None = None
    indexed_attributes: tuple[str, ...] | None = None
    deprecated: bool | None = None
    schema: dict[str, Any] | None = None
    sample: Any = None
    clear_sample: bool = False
    changelog: str = ""
    allow_breaking: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one event type of a document: created, changed, unchanged or refused, and why."""

    name: str
    outcome: str
    version: int | None = None
    problems: tuple[FieldProblem, ...] = ()
    notes: tuple[str, ...] = ()


async def define(services: EventTypes, principal: Principal, name: str, wanted: Wanted) -> EventType:
    """Create an event type with the first version of its contract."""
    check_name(name)
    _check_attributes(wanted.indexed_attributes)
    schema = wanted.schema or {}
    await asyncio.to_thread(_check_version, schema, wanted.sample)
    terms = Terms(
        wanted.description or "",
        wanted.enforcement or "off",
        wanted.indexed_attributes or (),
        deprecated=False,
    )
    first = NewVersion(schema, wanted.sample, wanted.changelog, principal.public_id)
    async with services.database.tenant(principal.org) as tx:
        made = await type_store.insert(tx, principal.org, name, terms, first, limit=services.settings.type_limit)
        await _audit(tx, principal, "event_type.created", name, {"enforcement": [None, terms.enforcement]})
    return made


async def change(services: EventTypes, principal: Principal, name: str, wanted: Wanted) -> EventType:
    """Change an event type; another schema or sample becomes a new version, a breaking one only when that is meant."""
    _check_attributes(wanted.indexed_attributes)
    for _ in range(_TRIES):
        # Judging two schemas takes its time: it holds no transaction, and what it judged is checked when it is written.
        async with services.database.tenant(principal.org) as tx:
            before = await type_store.find(tx, principal.org, name)
        added = await _next_version(principal, before, wanted)
        terms = _terms_after(before, wanted)
        changes = _changes(before, terms, added)
        if not changes:
            return before
        async with services.database.tenant(principal.org) as tx:
            after = await type_store.update(tx, principal.org, before, terms, added)
            if after is not None:
                await _audit(tx, principal, "event_type.updated", name, changes)
                return after
    raise Conflict("Somebody else is changing this event type at the same time. Try again.")


async def delete(services: EventTypes, principal: Principal, name: str) -> None:
    """Delete an event type with all its versions; its events stay, and new ones are not checked any more."""
    async with services.database.tenant(principal.org) as tx:
        await type_store.delete(tx, principal.org, name)
        await _audit(tx, principal, "event_type.deleted", name, {})


async def import_types(
    services: EventTypes, principal: Principal, document: dict[str, Any], *, allow_breaking: bool, dry_run: bool
) -> list[Imported]:
    """Take the event types of an OpenAPI or AsyncAPI document, each for itself; a dry run writes nothing."""
    found = await asyncio.to_thread(find_types, document)
    return [
        await _import_one(services, principal, each, allow_breaking=allow_breaking, dry_run=dry_run) for each in found
    ]


async def _import_one(
    services: EventTypes, principal: Principal, found: Found, *, allow_breaking: bool, dry_run: bool
) -> Imported:
    try:
        check_name(found.name)
        if found.schema is None:
            message = found.problem or "has no schema"
            raise InvalidEventType(f"schema: {message}.", problems=[FieldProblem("schema", message)])
        schema = dict(found.schema)
        await asyncio.to_thread(contracts.check_schema, schema)
        fits = found.sample is None or not await asyncio.to_thread(contracts.fit, schema, found.sample)
        notes = () if fits else ("Its example does not keep to its schema and was left out.",)
        wanted = Wanted(
            description=found.description[:2000],
            schema=schema,
            sample=found.sample if fits else None,
            changelog="Imported.",
            allow_breaking=allow_breaking,
        )
        outcome, version = await _write(services, principal, found.name, wanted, dry_run=dry_run)
    except HubError as error:
        if error.status >= 500:
            raise
        problems = error.problems or (FieldProblem("name", error.detail),)
        return Imported(found.name, "refused", problems=tuple(problems))
    return Imported(found.name, outcome, version, notes=notes)


async def _write(
    services: EventTypes, principal: Principal, name: str, wanted: Wanted, *, dry_run: bool
) -> tuple[str, int]:
    try:
        async with services.database.tenant(principal.org) as tx:
            before = await type_store.find(tx, principal.org, name)
    except EventTypeNotFound:
        made = 1 if dry_run else (await define(services, principal, name, wanted)).current.version
        return "created", made
    if dry_run:
        added = await _next_version(principal, before, wanted)
        changed = bool(_changes(before, _terms_after(before, wanted), added))
        return "changed" if changed else "unchanged", before.current.version + (added is not None)
    after = await change(services, principal, name, wanted)
    changed = after.updated_at != before.updated_at
    return "changed" if changed else "unchanged", after.current.version


def check_name(name: str) -> None:
    """Raise InvalidEventType unless an event type may have this name."""
    message = None
    if not grammar.is_event_type(name):
        message = grammar.TYPE_RULE
    elif grammar.is_hub_type(name):
        message = grammar.HUB_TYPE_RULE
    elif name in grammar.TAKEN_NAMES:
        message = "is the name of a route beside event types; choose another"
    if message is not None:
        raise InvalidEventType(f"name {message}.", problems=[FieldProblem("name", message)])


def _check_attributes(attributes: tuple[str, ...] | None) -> None:
    problems = [
        FieldProblem(f"indexed_attributes.{index}", grammar.ATTRIBUTE_RULE)
        for index, attribute in enumerate(attributes or ())
        if not grammar.is_attribute(attribute)
    ]
    if problems:
        raise InvalidEventType(f"{problems[0].field} {problems[0].message}.", problems=problems)


def _check_version(schema: dict[str, Any], sample: Any) -> None:
    contracts.check_schema(schema)
    if sample is not None:
        contracts.check_sample(schema, sample)


async def _next_version(principal: Principal, before: EventType, wanted: Wanted) -> NewVersion | None:
    """The version that the wanted schema and sample make; None when they are those there are."""
    now = before.current
    schema = now.schema if wanted.schema is None else wanted.schema
    sample = None if wanted.clear_sample else now.sample if wanted.sample is None else wanted.sample
    if _text([schema, sample]) == _text([now.schema, now.sample]):
        return None
    if wanted.schema is not None and wanted.sample is None and not wanted.clear_sample and sample is not None:
        # The old sample goes along for as long as it fits; then a new one is due, and meanwhile one is made up.
        await asyncio.to_thread(contracts.check_schema, schema)
        sample = None if await asyncio.to_thread(contracts.fit, schema, sample) else sample
    else:
        await asyncio.to_thread(_check_version, schema, sample)
    found = breaking(await asyncio.to_thread(compare, now.schema, schema))
    if found and not wanted.allow_breaking:
        raise BreakingChange(
            f"{len(found)} change(s) break consumers of version {now.version}. Send allow_breaking: true if that is "
            "meant, or take another event type.",
            problems=[FieldProblem(each.path, each.message) for each in found[:_SHOWN]],
        )
    return NewVersion(schema, sample, wanted.changelog, principal.public_id)


def _text(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _terms_after(before: EventType, wanted: Wanted) -> Terms:
    attributes = tuple(before.indexed_attributes) if wanted.indexed_attributes is None else wanted.indexed_attributes
    return Terms(
        before.description if wanted.description is None else wanted.description,
        wanted.enforcement or before.enforcement,
        attributes,
        before.deprecated_at is not None if wanted.deprecated is None else wanted.deprecated,
    )


def _changes(before: EventType, terms: Terms, added: NewVersion | None) -> audit.Changes:
    number = before.current.version
    pairs = {
        "description": [before.description, terms.description],
        "enforcement": [before.enforcement, terms.enforcement],
        "indexed_attributes": [before.indexed_attributes, list(terms.indexed_attributes)],
        "deprecated": [before.deprecated_at is not None, terms.deprecated],
        "version": [number, number + (added is not None)],
    }
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


async def _audit(tx: Transaction, principal: Principal, action: str, name: str, changes: audit.Changes) -> None:
    await audit.record(tx, principal, action, target_kind="event_type", target_id=name, changes=changes)
