"""PURE: `q` of files.list."""

import re
from collections.abc import Callable
from typing import Any

from worksphere_hub.sandbox.clock import iso, parse_iso
from worksphere_hub.sandbox.wire import Json

_TOKEN = re.compile(r"\s*(?:(?P<string>'(?:\\.|[^'\\])*')|(?P<sign>!=|<=|>=|[=<>()])|(?P<word>[A-Za-z]+))", re.DOTALL)
_TIMES = {"modifiedTime", "createdTime", "viewedByMeTime", "sharedWithMeTime"}
_NAMES = {"name", "mimeType", "fullText", "trashed", "starred", "sharedWithMe", *_TIMES}
_LISTS = {"parents", "owners", "writers", "readers"}
Test = Callable[[Json], bool]


class WrongSearch(Exception):
    """The query cannot be read."""


def parse(text: str) -> Test:
    """A query as a test of a file. Raises WrongSearch."""
    reader = _Reader(text)
    test = reader.either()
    if reader.left():
        raise WrongSearch(text)
    return test


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip()
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise WrongSearch(text)
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            at = match.end()

    def left(self) -> bool:
        return bool(self._tokens)

    def either(self) -> Test:
        tests = [self._both()]
        while self._if("or"):
            tests.append(self._both())
        return lambda file: any(test(file) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._if("and"):
            tests.append(self._one())
        return lambda file: all(test(file) for test in tests)

    def _one(self) -> Test:
        if self._if("not"):
            test = self._one()
            return lambda file: not test(file)
        if self._if("("):
            inside = self.either()
            if not self._if(")"):
                raise WrongSearch("a bracket is open")
            return inside
        kind, text = self._take()
        if kind == "string":
            return self._inside(_text(text))
        if text not in _NAMES:
            raise WrongSearch(text)
        if text == "sharedWithMe" and not (
            self._tokens and self._tokens[0][0] == "sign" and self._tokens[0][1] in "=!="
        ):
            return lambda file: bool(file.get("sharedWithMeTime"))
        _, operator = self._take()
        return _compared(text, operator, self._value(text))

    def _inside(self, wanted: str) -> Test:
        if not self._if("in"):
            raise WrongSearch("after a value comes `in`")
        _, name = self._take()
        if name not in _LISTS:
            raise WrongSearch(name)
        return lambda file: wanted in file["_search"][name]

    def _value(self, name: str) -> Any:
        kind, text = self._take()
        if kind == "string":
            value = _text(text)
            try:
                return iso(parse_iso(value)) if name in _TIMES else value
            except ValueError as error:
                raise WrongSearch(value) from error
        if text in {"true", "false"}:
            return text == "true"
        raise WrongSearch(text)

    def _take(self) -> tuple[str, str]:
        if not self._tokens:
            raise WrongSearch("it ends too early")
        return self._tokens.pop(0)

    def _if(self, word: str) -> bool:
        found = bool(self._tokens) and self._tokens[0][0] != "string" and self._tokens[0][1].lower() == word
        if found:
            self._tokens.pop(0)
        return found


def _text(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted[1:-1])


def _compared(name: str, operator: str, value: Any) -> Test:
    def got(file: Json) -> Any:
        if name == "fullText":
            return file["_search"]["text"]
        return bool(file.get("sharedWithMeTime")) if name == "sharedWithMe" else file.get(name)

    tests: dict[str, Test] = {
        "=": lambda file: got(file) == value,
        "!=": lambda file: got(file) != value,
        "<": lambda file: str(got(file)) < str(value),
        "<=": lambda file: str(got(file)) <= str(value),
        ">": lambda file: str(got(file)) > str(value),
        ">=": lambda file: str(got(file)) >= str(value),
        "contains": lambda file: _contains(name, str(got(file)), str(value)),
    }
    if operator not in tests:
        raise WrongSearch(operator)
    return tests[operator]


def _contains(name: str, text: str, part: str) -> bool:
    """A name is matched from the beginnings of its words, a MIME type from its own."""
    text, part = text.lower(), part.lower()
    if name == "mimeType":
        return text.startswith(part)
    return re.search(rf"(?:^|\W|_){re.escape(part)}", text) is not None
