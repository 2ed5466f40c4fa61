"""PURE: from the fields that a way of authorizing asks for to those of a form, and back."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from worksphere_hub.connections import entry
from worksphere_hub.sdk.manifest.auth import AuthMethod

PREFIX = "f."

# What a browser takes as a pattern is stricter than JSON Schema: what it might read otherwise it is not given.
_PLAIN_PATTERN = re.compile(r"\^((?:[A-Za-z0-9 _@:.+*?{},$-]|\\[.dws/-]|\[[A-Za-z0-9_.@:+-]+\])+)\$")
_CLASS = re.compile(r"\[([^\]]+)-\]")
_ERRORS = {
    "required": "error_required",
    "minLength": "error_short",
    "maxLength": "error_long",
}
_ELSE = "error_form"
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the form. `error` is the key of a sentence; a secret's `value` is always empty."""

    name: str
    label: str
    description: str | None
    control: Literal["text", "password", "area", "choice"]
    secret: bool
    required: bool
    pattern: str | None = None
    shortest: int | None = None
    longest: int = _LONGEST
    choices: tuple[str, ...] = ()
    value: str = ""
    error: str | None = None

    @property
    def id(self) -> str:
        """What the form calls it."""
        return f"{PREFIX}{self.name}"


def fields_of(
    method: AuthMethod, given: Mapping[str, str] | None = None, wrong: Iterable[tuple[str, str]] = ()
) -> list[Field]:
    """The form of a way of authorizing, with what was given and what is wrong with it, as `wrong_with` says."""
    schema = method.fields
    required = set(cast("list[str]", schema.get("required") or []))
    errors = {name: _ERRORS.get(kind, _ELSE) for name, kind in reversed(list(wrong))}
    properties = cast("dict[str, Any]", schema.get("properties") or {})
    made: list[Field] = []
    for name, found in properties.items():
        inner = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
        made.append(_field(name, inner, required=name in required, given=given or {}, error=errors.get(name)))
    return made


def entered(method: AuthMethod, form: Mapping[str, str]) -> dict[str, str]:
    """What was typed in, by the manifest's names; what was left empty is left out.

    A blank before or after a key is nobody's intention: it came along from where it was copied.
    """
    found: dict[str, str] = {}
    for field in fields_of(method):
        text = form.get(field.id, "")
        if field.control == "area":
            text = text.replace("\r\n", "\n")
        if "password" not in field.name:
            text = text.strip()
        if text:
            found[field.name] = text
    return found


def wrong_with(method: AuthMethod, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong with what was entered, as `fields_of` takes it; nothing: it can be tried."""
    longest = {field.name: field.longest for field in fields_of(method)}
    long = [(name, "maxLength") for name, text in given.items() if len(text) > longest[name]]
    return [*long, *entry.findings(method, given)]


def _field(
    name: str, schema: Mapping[str, Any], *, required: bool, given: Mapping[str, str], error: str | None
) -> Field:
    secret = schema.get("writeOnly") is True
    choices = tuple(str(each) for each in cast("list[object]", schema.get("enum") or []))
    label = str(schema.get("title") or name.replace("_", " ").capitalize())
    default = str(schema.get("default") or "")
    return Field(
        name,
        label,
        cast("str | None", schema.get("description")),
        _control(name, label, secret=secret, chosen=bool(choices)),
        secret,
        required,
        pattern=_pattern(schema.get("pattern")),
        shortest=cast("int | None", schema.get("minLength")),
        longest=min(int(schema.get("maxLength") or _LONGEST), _LONGEST),
        choices=choices,
        value="" if secret else given.get(name, default),
        error=error,
    )


def _control(name: str, label: str, *, secret: bool, chosen: bool) -> Literal["text", "password", "area", "choice"]:
    if chosen:
        return "choice"
    # A key of several lines would lose them in a field of one.
    if "private_key" in name or "PEM" in label:
        return "area"
    return "password" if secret else "text"


def _pattern(source: object) -> str | None:
    found = _PLAIN_PATTERN.fullmatch(source) if isinstance(source, str) else None
    return None if found is None else _CLASS.sub(r"[\1\\-]", found[1])
