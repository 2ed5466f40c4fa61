"""PURE: is what somebody entered what the way of authorizing asks for? Answers name fields, never their values."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from worksphere_hub.connections.errors import InvalidCredential
from worksphere_hub.errors import FieldProblem
from worksphere_hub.sdk.manifest.auth import AuthMethod

_WORDS = {
    "required": "is missing",
    "additionalProperties": "is not asked for; remove it",
    "minLength": "is too short",
    "maxLength": "is too long",
    "pattern": "does not have the form that the provider's credentials have",
    "format": "does not have the form that the provider's credentials have",
    "enum": "is none of the values that it can have",
}
_ELSE = "is not what the integration asks for"


def require_fields(method: AuthMethod, given: Mapping[str, str]) -> None:
    """Raises InvalidCredential with a sentence for each field that is wrong."""
    problems = [
        FieldProblem(f"credential.{name}" if name else "credential", _WORDS.get(kind, _ELSE))
        for name, kind in findings(method, given)
    ]
    if problems:
        first = problems[0]
        raise InvalidCredential(f"{first.field} {first.message}.", problems=problems)


def findings(method: AuthMethod, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is wrong: names of fields (empty: all of it) with the keyword of JSON Schema that each does not keep to."""
    validator = jsonschema_rs.validator_for(dict(method.fields))
    return [found for error in validator.iter_errors(dict(given)) for found in _findings(error)]


def _findings(error: jsonschema_rs.ValidationError) -> list[tuple[str, str]]:
    # The library's own sentence quotes the value, which is a secret.
    kind: Any = error.kind
    path = ".".join(str(part) for part in error.instance_path)
    if kind.name == "required":
        names = [str(kind.property)]
    elif kind.name == "additionalProperties":
        names = [str(name) for name in kind.unexpected]
    else:
        return [(path, kind.name)]
    return [(".".join(part for part in (path, name) if part), kind.name) for name in names]
