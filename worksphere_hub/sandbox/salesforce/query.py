"""PURE: what a SOQL query finds in the store."""

import re
from typing import Any

from worksphere_hub.sandbox.salesforce.soql import Condition, Junction, Query
from worksphere_hub.sandbox.salesforce.state import Store, Table, checksum
from worksphere_hub.sandbox.wire import Json


class NoSuchColumn(Exception):
    """A field or an object that is not there; `code` is INVALID_FIELD or INVALID_TYPE."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


class Finder:
    """Runs queries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def table(self, query: Query) -> Table:
        """The object of a query. Raises NoSuchColumn."""
        table = self._store.table(query.table)
        if table is None:
            raise NoSuchColumn("INVALID_TYPE", f"sObject type '{query.table}' is not supported.")
        return table

    def columns(self, query: Query) -> list[str]:
        """The names of what is selected, as the object writes them. Raises NoSuchColumn."""
        table = self.table(query)
        names: list[str] = []
        for wanted in query.fields:
            if wanted.startswith("FIELDS("):
                if wanted != "FIELDS(STANDARD)" and (query.limit is None or query.limit > 200):
                    raise NoSuchColumn("MALFORMED_QUERY", "The SOQL FIELDS function must have a LIMIT of at most 200")
                custom = {"FIELDS(ALL)": (True, False), "FIELDS(CUSTOM)": (True,)}.get(wanted, (False,))
                names += [name for name in table.fields if name.endswith("__c") in custom]
            else:
                names.append(self._column(table, wanted))
        return names

    def rows(self, query: Query, *, deleted: bool) -> list[Json]:
        """The rows, in order, cut; with `deleted` those in the bin too. Raises NoSuchColumn."""
        table = self.table(query)
        found = [
            row
            for row in table.rows.values()
            if (deleted or not row["IsDeleted"]) and (query.where is None or self._holds(table, row, query.where))
        ]
        for key in reversed(query.order):
            name = self._column(table, key.field)
            empty = [row for row in found if self.value(table, row, name) is None]
            full = [row for row in found if self.value(table, row, name) is not None]
            full.sort(key=lambda row: _folded(self.value(table, row, name)), reverse=key.down)
            found = [*full, *empty] if key.nulls_last else [*empty, *full]
        end = None if query.limit is None else query.offset + query.limit
        return found[query.offset : end]

    def value(self, table: Table, row: Json, name: str) -> Any:
        """A field of a row, or of the row that it refers to: `Account.Name`."""
        head, _, rest = name.partition(".")
        if not rest:
            return row.get(head)
        rule = table.fields[_reference(table, head)]
        other = self._store.tables[rule.references]
        target = other.rows.get(row.get(rule.name) or "")
        return None if target is None else self.value(other, target, rest)

    def record(self, query: Query, row: Json, version: str) -> Json:
        """A row as REST shows it."""
        table = self.table(query)
        made: Json = {"attributes": _attributes(table, row, version)}
        for name in self.columns(query):
            head, _, rest = name.partition(".")
            if not rest:
                made[head] = row.get(head)
                continue
            rule = table.fields[_reference(table, head)]
            other = self._store.tables[rule.references]
            target = other.rows.get(row.get(rule.name) or "")
            if target is None:
                made[head] = None
            else:
                inner = made.setdefault(head, {"attributes": _attributes(other, target, version)})
                inner[rest] = self.value(other, target, rest)
        return made

    def _column(self, table: Table, name: str) -> str:
        head, _, rest = name.partition(".")
        if rest:
            reference = _reference(table, head)
            if reference not in table.fields:
                raise NoSuchColumn("INVALID_FIELD", f"Didn't understand relationship '{head}' in field path.")
            other = self._store.tables[table.fields[reference].references]
            return f"{reference.removesuffix('Id')}.{self._column(other, rest)}"
        found = table.field(head)
        if found is None:
            raise NoSuchColumn(
                "INVALID_FIELD",
                f"\nSELECT {name}\n       ^\nERROR at Row:1:Column:8\nNo such column '{name}' on entity '{table.name}'",
            )
        return found.name

    def _holds(self, table: Table, row: Json, wanted: Condition | Junction) -> bool:
        if isinstance(wanted, Junction):
            found = (self._holds(table, row, part) for part in wanted.parts)
            return any(found) if wanted.word == "OR" else all(found) if wanted.word == "AND" else not next(found)
        name = self._column(table, wanted.field)
        value = self.value(table, row, name)
        rule = table.fields.get(name)
        against = _adapted(rule.type if rule else "", wanted.value)
        return _compare(value, wanted.operator, against)


def _attributes(table: Table, row: Json, version: str) -> Json:
    return {"type": table.name, "url": f"/services/data/{version}/sobjects/{table.name}/{row['Id']}"}


def _reference(table: Table, head: str) -> str:
    """`Account` is the relationship of `AccountId`."""
    found = table.field(f"{head}Id")
    return found.name if found is not None and found.references else f"{head}Id"


def _adapted(kind: str, value: Any) -> Any:
    """A literal as the field's values are kept."""
    if isinstance(value, tuple):
        return tuple(_adapted(kind, one) for one in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - literals
    if kind in {"id", "reference"} and isinstance(value, str) and len(value) == 15:
        return checksum(value)
    if kind == "datetime" and isinstance(value, str) and len(value) == 10:
        return f"{value}T00:00:00.000+0000"
    return value[:10] if kind == "date" and isinstance(value, str) else value


def _compare(value: Any, operator: str, against: Any) -> bool:
    if operator in {"IN", "NOT IN"}:
        return (_folded(value) in {_folded(one) for one in against}) == (operator == "IN")
    if operator == "LIKE":
        pattern = re.escape(str(against)).replace("%", ".*").replace("_", ".")
        return value is not None and re.fullmatch(pattern, str(value), re.IGNORECASE | re.DOTALL) is not None
    left, right = _folded(value), _folded(against)
    if operator in {"=", "!="}:
        return (left == right) == (operator == "=")
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]


def _folded(value: Any) -> Any:
    """Text without its case, as Salesforce compares and sorts it."""
    return value.lower() if isinstance(value, str) else value
