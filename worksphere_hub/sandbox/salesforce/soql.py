"""PURE: SOQL, as far as connectors need it: one object, conditions, order, limit, offset, count()."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worksphere_hub.sandbox.clock import iso, parse_iso

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')"
    r"|(?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<word>[A-Za-z_][\w.]*(?::\d+)?)|(?P<sign>!=|<>|<=|>=|[=<>(),]))"
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_SIGNS = {"=", "!=", "<>", "<", "<=", ">", ">="}
_END = ("end", "")


class WrongQuery(Exception):
    """The query cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`field operator value`, with the operator in capitals."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True, slots=True)
class Junction:
    """AND, OR or NOT of what is below it."""

    word: str
    parts: "tuple[Condition | Junction, ...]"


@dataclass(frozen=True, slots=True)
class Order:
    """One key of the order."""

    field: str
    down: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query, read."""

    fields: tuple[str, ...]
    table: str
    where: Condition | Junction | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    count: bool = False


def parse(text: str, now: datetime) -> Query:
    """Read a query. `now` is what TODAY and the like count from. Raises WrongQuery."""
    return _Reader(text, now).query()


class _Reader:
    def __init__(self, text: str, now: datetime) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._now = now

    def query(self) -> Query:
        self._word("SELECT")
        fields, count = self._fields()
        self._word("FROM")
        table = self._take("word")
        where = self._or() if self._if("WHERE") else None
        order = self._order() if self._if("ORDER") else ()
        limit = int(self._take("number")) if self._if("LIMIT") else None
        offset = int(self._take("number")) if self._if("OFFSET") else 0
        for tail in ("FOR", "ALL"):
            if self._if(tail):
                self._take("word")
        if self._tokens[self._at] != _END:
            raise WrongQuery(f"unexpected token: '{self._tokens[self._at][1]}'")
        return Query(fields, table, where, order, limit, offset, count)

    def _fields(self) -> tuple[tuple[str, ...], bool]:
        found: list[str] = []
        while True:
            name = self._take("word")
            if self._sign("("):
                inside = "" if self._sign(")") else self._take("word")
                if inside:
                    self._expect(")")
                if name.upper() == "COUNT" and not inside:
                    return (), True
                if name.upper() != "FIELDS":
                    raise WrongQuery(f"unexpected token: '{name}('")
                name = f"FIELDS({inside.upper()})"
            found.append(name)
            if not self._sign(","):
                return tuple(found), False

    def _or(self) -> Condition | Junction:
        return self._joined("OR", lambda: self._joined("AND", self._one))

    def _joined(self, word: str, below: Callable[[], Condition | Junction]) -> Condition | Junction:
        parts = [below()]
        while self._if(word):
            parts.append(below())
        return parts[0] if len(parts) == 1 else Junction(word, tuple(parts))

    def _one(self) -> Condition | Junction:
        if self._if("NOT"):
            return Junction("NOT", (self._one(),))
        if self._sign("("):
            inside = self._or()
            self._expect(")")
            return inside
        field = self._take("word")
        kind, sign = self._tokens[self._at]
        if kind == "sign" and sign in _SIGNS:
            self._at += 1
            return Condition(field, "!=" if sign == "<>" else sign, self._value())
        if self._if("LIKE"):
            return Condition(field, "LIKE", self._value())
        negated = self._if("NOT")
        self._word("IN")
        return Condition(field, "NOT IN" if negated else "IN", self._list())

    def _list(self) -> tuple[Any, ...]:
        self._expect("(")
        values = [self._value()]
        while self._sign(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> Any:
        kind, text = self._tokens[self._at]
        self._at += 1
        if kind == "string":
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
        if kind == "number":
            return float(text) if "." in text else int(text)
        if kind == "time":
            return iso(parse_iso(text).replace(microsecond=0), zone="+0000") if "T" in text else text
        if kind == "word":
            return self._literal(text)
        raise WrongQuery(f"unexpected token: '{text}'")

    def _literal(self, text: str) -> Any:
        word, _, number = text.upper().partition(":")
        if word in {"TRUE", "FALSE", "NULL"}:
            return {"TRUE": True, "FALSE": False, "NULL": None}[word]
        midnight = self._now.replace(hour=0, minute=0, second=0, microsecond=0)
        days = {"TODAY": 0, "YESTERDAY": 1, "LAST_WEEK": 7, "LAST_N_DAYS": int(number or 0)}
        if word not in days:
            raise WrongQuery(f"unexpected token: '{text}'")
        return iso(midnight - timedelta(days=days[word]), zone="+0000")

    def _order(self) -> tuple[Order, ...]:
        self._word("BY")
        keys: list[Order] = []
        while True:
            field = self._take("word")
            down = self._if("DESC") or (self._if("ASC") and False)
            last = False
            if self._if("NULLS"):
                last = self._if("LAST")
                if not last:
                    self._word("FIRST")
            keys.append(Order(field, down, last))
            if not self._sign(","):
                return tuple(keys)

    def _if(self, word: str) -> bool:
        kind, text = self._tokens[self._at]
        found = kind == "word" and text.upper() == word
        self._at += found
        return found

    def _word(self, word: str) -> None:
        if not self._if(word):
            raise WrongQuery(f"expecting {word}, found '{self._tokens[self._at][1]}'")

    def _sign(self, sign: str) -> bool:
        found = self._tokens[self._at] == ("sign", sign)
        self._at += found
        return found

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise WrongQuery(f"expecting '{sign}', found '{self._tokens[self._at][1]}'")

    def _take(self, kind: str) -> str:
        found, text = self._tokens[self._at]
        if found != kind:
            raise WrongQuery(f"unexpected token: '{text or '<EOF>'}'")
        self._at += 1
        return text


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise WrongQuery(f"line 1:{at} no viable alternative at character '{text[at]}'")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return [*found, _END]
