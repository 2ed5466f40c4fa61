"""PURE: how data breaks a contract, said without the data: where, and what the contract asks for there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import msgspec
from jsonschema_rs import ValidationError

from worksphere_hub.errors import FieldProblem

PROBLEM_LIMIT = 10
_NAME_CHARACTERS = 64
_ASKED_CHARACTERS = 80
_PARTS = 20

_SENTENCES = {
    "type": "must be of type {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be greater than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minItems": "must have at least {} items",
    "maxItems": "must have at most {} items",
    "minProperties": "must have at least {} fields",
    "maxProperties": "must have at most {} fields",
    "pattern": "must match the pattern {}",
    "format": "must have the format {}",
    "required": "lacks the field {}",
}
_PLAIN = {
    "enum": "must be one of the values that the contract lists",
    "const": "must be the one value that the contract names",
    "anyOf": "matches none of the contract's alternatives",
    "oneOf": "must match exactly one of the contract's alternatives",
    "not": "matches what the contract excludes",
    "uniqueItems": "must not hold an item twice",
    "contains": "lacks an item that the contract asks for",
    "additionalProperties": "has a field that the contract does not know",
    "unevaluatedProperties": "has a field that the contract does not know",
    "additionalItems": "has more items than the contract knows",
    "unevaluatedItems": "has more items than the contract knows",
    "propertyNames": "has a field whose name the contract does not allow",
    "falseSchema": "must not be there",
}


@dataclass(frozen=True, slots=True)
class Violation:
    """An event that does not keep to the contract of its type. `problems` holds the first ten."""

    event_type: str
    version: int
    enforcement: Literal["warn", "reject"]
    problems: tuple[FieldProblem, ...]


def problems_of(errors: Iterable[ValidationError], where: str) -> tuple[FieldProblem, ...]:
    """The first ten errors, as paths below `where` and sentences."""
    return tuple(
        FieldProblem(_path(where, error.instance_path), _sentence(error.kind.name, error))
        for error in islice(errors, PROBLEM_LIMIT)
    )


def _path(where: str, parts: Sequence[str | int]) -> str:
    shown = [_cut(str(part), _NAME_CHARACTERS) for part in parts[:_PARTS]]
    return ".".join([where, *shown, *(["..."] if len(parts) > _PARTS else [])])


def _sentence(keyword: str, error: ValidationError) -> str:
    if keyword in _SENTENCES:
        return _SENTENCES[keyword].format(_cut(_asked(error.kind.value), _ASKED_CHARACTERS))
    if keyword in _PLAIN:
        return _PLAIN[keyword]
    return f"does not keep to `{_cut(keyword, _NAME_CHARACTERS)}` of the contract"


def _asked(value: Any) -> str:
    """What the contract asks for; never what the data has."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):  # pyright: ignore[reportUnknownVariableType]
        return " or ".join(value)  # pyright: ignore[reportUnknownArgumentType]
    return msgspec.json.encode(value).decode()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."
