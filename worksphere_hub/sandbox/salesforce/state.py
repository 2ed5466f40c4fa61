"""The records of an organization, the rules of their fields, and ids as Salesforce makes them."""

import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worksphere_hub.sandbox.clock import SandboxClock, iso
from worksphere_hub.sandbox.salesforce.answers import RowError
from worksphere_hub.sandbox.seeds import moment
from worksphere_hub.sandbox.wire import Json

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_NUMBERS = {"int": int, "currency": float, "double": float, "percent": float}
_SYSTEM: list[Json] = [
    {"name": "Id", "type": "id", "length": 18}, {"name": "IsDeleted", "type": "boolean"},
    {"name": "CreatedDate", "type": "datetime"}, {"name": "CreatedById", "type": "reference", "references": "User"},
    {"name": "LastModifiedDate", "type": "datetime"},
    {"name": "LastModifiedById", "type": "reference", "references": "User"},
    {"name": "SystemModstamp", "type": "datetime"},
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A field and its rules."""

    name: str
    type: str
    length: int = 0
    required: bool = False
    unique: bool = False
    external_id: bool = False
    references: str = ""
    compound: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    default: Any = None
    system: bool = False


@dataclass(slots=True)
class Table:
    """An sObject."""

    name: str
    label: str
    prefix: str
    fields: dict[str, Field]
    # Nobody makes or deletes its rows: the organization itself.
    fixed: bool = False
    rows: dict[str, Json] = field(default_factory=dict[str, Json])

    def field(self, name: str) -> Field | None:
        """A field, whatever case its name is written in."""
        return self.fields.get(name) or next(
            (one for key, one in self.fields.items() if key.lower() == name.lower()), None
        )


def checksum(identity: str) -> str:
    """An id of 15 characters, told apart by case, as one of 18 that is not."""
    ends = [
        _CHECK[sum(1 << place for place, letter in enumerate(identity[start : start + 5]) if letter.isupper())]
        for start in (0, 5, 10)
    ]
    return identity + "".join(ends)


def stamp(at: datetime) -> str:
    """A time as REST has it: whole seconds, written with thousandths."""
    return iso(at.replace(microsecond=0), zone="+0000")


class Store:
    """All tables of one organization."""

    def __init__(self, seed: Json, clock: SandboxClock) -> None:
        self._clock = clock
        self._number = 0
        self.tables: dict[str, Table] = {name: _table(name, wanted) for name, wanted in seed["objects"].items()}
        first = seed["users"][0]["Id"][:15]
        for user in seed["users"]:
            self._seed("User", user, checksum(first), clock.now())
        for name, records in seed.get("records", {}).items():
            for record in records:
                self._seed(name, record, checksum(first), moment(record.get("at"), clock.now()))

    def table(self, name: str) -> Table | None:
        """A table, whatever case its name is written in."""
        return self.tables.get(name) or next(
            (one for key, one in self.tables.items() if key.lower() == name.lower()), None
        )

    def snapshot(self) -> dict[str, dict[str, Json]]:
        """All rows as they are, to go back to."""
        return {name: copy.deepcopy(table.rows) for name, table in self.tables.items()}

    def restore(self, rows: dict[str, dict[str, Json]]) -> None:
        """Go back."""
        for name, kept in rows.items():
            self.tables[name].rows = kept

    def find(self, table: Table, identity: str) -> Json:
        """A row that is there. Raises RowError: NOT_FOUND, ENTITY_IS_DELETED, MALFORMED_ID."""
        if len(identity) not in {15, 18}:
            raise RowError("MALFORMED_ID", f"{table.name} ID: id value of incorrect type: {identity}", ("Id",))
        row = table.rows.get(checksum(identity[:15]))
        if row is None:
            raise RowError("NOT_FOUND", "The requested resource does not exist", status=404)
        if row["IsDeleted"]:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return row

    def by_external_id(self, table: Table, name: str, value: str) -> list[Json]:
        """The rows that have this external id. Raises RowError when the field is none."""
        found = table.field(name)
        if found is None or not (found.external_id or found.name == "Id"):
            raise RowError(
                "NOT_FOUND", f"Provided external ID field does not exist or is not accessible: {name}", status=404
            )
        return [row for row in table.rows.values() if not row["IsDeleted"] and str(row.get(found.name)) == value]

    def insert(self, table: Table, values: Json, user: str, at: datetime | None = None, identity: str = "") -> Json:
        """A new row. Raises RowError."""
        checked = self._checked(table, values, None)
        if gone := [one.name for one in table.fields.values() if one.required and checked.get(one.name) in {None, ""}]:
            raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(gone)}]", tuple(gone))
        now = stamp(at or self._clock.now())
        row: Json = {name: one.default for name, one in table.fields.items()}
        row |= checked
        row |= {
            "Id": identity or self._identity(table), "IsDeleted": False, "CreatedDate": now, "CreatedById": user,
            "LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now,
        }  # fmt: skip
        if "OwnerId" in table.fields:
            row["OwnerId"] = row.get("OwnerId") or user
        table.rows[row["Id"]] = _compounded(table, row)
        return row

    def update(self, table: Table, row: Json, values: Json, user: str) -> Json:
        """Change a row. Raises RowError."""
        checked = self._checked(table, values, row["Id"])
        wanted = [
            one.name for one in table.fields.values() if one.required and one.name in checked and not checked[one.name]
        ]
        if wanted:
            raise RowError(
                "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(wanted)}]", tuple(wanted)
            )
        now = stamp(self._clock.now())
        row |= {**checked, "LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now}
        return _compounded(table, row)

    def delete(self, row: Json, user: str) -> None:
        """Put a row into the bin, where queryAll still finds it."""
        now = stamp(self._clock.now())
        row |= {"IsDeleted": True, "LastModifiedDate": now, "LastModifiedById": user, "SystemModstamp": now}

    def _checked(self, table: Table, values: Json, identity: str | None) -> Json:
        made: Json = {}
        for name, value in values.items():
            if name == "attributes":
                continue
            found = table.field(name)
            if found is None:
                raise RowError("INVALID_FIELD", f"No such column '{name}' on sobject of type {table.name}", (name,))
            if found.system or found.compound:
                text = (
                    f"Unable to create/update fields: {found.name}. Please check the security settings of this field."
                )
                raise RowError("INVALID_FIELD_FOR_INSERT_UPDATE", text, (found.name,))
            made[found.name] = _converted(found, value)
            self._unique(table, found, made[found.name], identity)
            self._referenced(found, made[found.name])
        return made

    def _unique(self, table: Table, rule: Field, value: Any, identity: str | None) -> None:
        if not rule.unique or value in {None, ""}:
            return
        for row in table.rows.values():
            if row[rule.name] == value and row["Id"] != identity and not row["IsDeleted"]:
                text = f"duplicate value found: {rule.name} duplicates value on record with id: {row['Id']}"
                raise RowError("DUPLICATE_VALUE", text)

    def _referenced(self, rule: Field, value: Any) -> None:
        table = self.tables.get(rule.references)
        if table is None or value is None:
            return
        row = table.rows.get(checksum(str(value)[:15]))
        if row is None or row["IsDeleted"]:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", (rule.name,))

    def _identity(self, table: Table) -> str:
        self._number += 1
        number, digits = self._number, ""
        for _ in range(7):
            number, rest = divmod(number, 62)
            digits = _BASE62[rest] + digits
        return checksum(f"{table.prefix}5g{digits.rjust(10, '0')}")

    def _seed(self, name: str, record: Json, user: str, at: datetime) -> None:
        values = {key: value for key, value in record.items() if key not in {"Id", "at"}}
        identity = checksum(record["Id"][:15]) if "Id" in record else ""
        self.insert(self.tables[name], values, user, at, identity)


def _table(name: str, wanted: Json) -> Table:
    rules = [_rule({**one, "system": True}) for one in _SYSTEM]
    if wanted.get("owned"):
        rules.append(Field("OwnerId", "reference", references="User"))
    lists = ("compound", "values")
    rules += [_rule({**one, **{key: tuple(one[key]) for key in lists if key in one}}) for one in wanted["fields"]]
    fields = {rule.name: rule for rule in rules}
    return Table(name, wanted["label"], wanted["prefix"], fields, fixed=bool(wanted.get("fixed")))


def _rule(wanted: Json) -> Field:
    return Field(**wanted)


def _compounded(table: Table, row: Json) -> Json:
    for rule in table.fields.values():
        if rule.compound:
            row[rule.name] = " ".join(str(row[part]) for part in rule.compound if row.get(part))
    return row


def _converted(rule: Field, value: Any) -> Any:
    """A value as its field keeps it. Raises RowError."""
    if value is None or value == "":
        return None
    try:
        if rule.type in _NUMBERS:
            return _NUMBERS[rule.type](value)
        if rule.type == "boolean":
            return {"true": True, "false": False}[str(value).lower()]
        if rule.type == "date":
            return datetime.strptime(str(value), "%Y-%m-%d").date().isoformat()  # noqa: DTZ007 - a date alone
        if rule.type == "reference":
            return checksum(str(value)[:15])
    except (ValueError, KeyError, IndexError) as error:
        text = f"Cannot deserialize instance of {rule.type} from value {value}"
        raise RowError("JSON_PARSER_ERROR", text, (rule.name,)) from error
    text = str(value)
    if rule.length and len(text) > rule.length:
        words = f"{rule.name}: data value too large: {text[:40]} (max length={rule.length})"
        raise RowError("STRING_TOO_LONG", words, (rule.name,))
    if rule.type == "email" and "@" not in text:
        raise RowError("INVALID_EMAIL_ADDRESS", f"{rule.name}: invalid email address: {text}", (rule.name,))
    return text
