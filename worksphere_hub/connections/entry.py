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


def require_fields(method: AuthMethod, given: Mapping[str, str]) -> None:
    """Raises InvalidCredential with a sentence for each field that is wrong."""
    validator = jsonschema_rs.validator_for(dict(method.fields))
    problems = [problem for error in validator.iter_errors(dict(given)) for problem in _problems(error)]
    if problems:
        first = problems[0]
        raise InvalidCredential(f"{first.field} {first.message}.", problems=problems)


def _problems(error: jsonschema_rs.ValidationError) -> list[FieldProblem]:
    # The library's own sentence quotes the value, which is a secret.
    kind: Any = error.kind
    word = _WORDS.get(kind.name, "is not what the integration asks for")
    path = ".".join(str(part) for part in error.instance_path)
    if kind.name == "required":
        names = [str(kind.property)]
    elif kind.name == "additionalProperties":
        names = [str(name) for name in kind.unexpected]
    else:
        return [FieldProblem(f"credential.{path}" if path else "credential", word)]
    return [FieldProblem(".".join(part for part in ("credential", path, name) if part), word) for name in names]
