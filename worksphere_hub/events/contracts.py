"""PURE: an event contract: a JSON Schema of an event type's data, checked when it is saved and compiled once."""

from dataclasses import dataclass
from typing import Any

import msgspec
from jsonschema_rs import Draft7Validator, Draft202012Validator, ReferencingError, RegexOptions, ValidationError

from worksphere_hub.errors import FieldProblem
from worksphere_hub.events import schema_limits
from worksphere_hub.events.errors import InvalidEventType
from worksphere_hub.events.violations import problems_of

_ALL_PROBLEMS = 50_000  # bytes of data times work, up to which every problem is looked for
_PATTERN_BYTES = 262_144  # of one compiled pattern


@dataclass(frozen=True, slots=True)
class Contract:
    """The schema of one version of an event type, ready to be asked. `size` is what it counts for in a cache.

    `work` is how often one value is asked about at most.
    """

    validator: Draft202012Validator | Draft7Validator
    size: int
    work: float

    def problems(self, data: bytes, where: str) -> tuple[FieldProblem, ...]:
        """The first ten ways in which an event's data, as JSON, breaks the contract; none when it keeps to it."""
        try:
            value = msgspec.json.decode(data)
        except msgspec.DecodeError:
            # Sound JSON so far as it was passed on: what is left is a number or an escape beyond what can be held.
            return (FieldProblem(where, "holds a number or a character that cannot be read"),)
        # Asking whether is several times faster than asking why.
        if self.validator.is_valid(value):
            return ()
        if len(data) * self.work <= _ALL_PROBLEMS:
            return problems_of(self.validator.iter_errors(value), where)
        # The library finds all problems before it tells the first of them, which can be half a million.
        return _first_problem(self.validator, value, where)


def compile_contract(schema: dict[str, Any]) -> Contract:
    """Compile a schema that was checked."""
    return Contract(compile_schema(schema), len(msgspec.json.encode(schema)), schema_limits.work_of(schema))


def _first_problem(
    validator: Draft202012Validator | Draft7Validator, value: Any, where: str
) -> tuple[FieldProblem, ...]:
    try:
        validator.validate(value)
    except ValidationError as error:
        return problems_of([error], where)
    return ()


def check_schema(schema: dict[str, Any], where: str = "schema") -> None:
    """Raise InvalidEventType unless the hub takes this schema. May take a while: keep it off the event loop."""
    problems = schema_limits.refusals(schema, len(msgspec.json.encode(schema)), where)
    if not problems:
        try:
            compile_schema(schema)
        except ValidationError as error:
            problems = [_schema_problem(error, where)]
        except (ReferencingError, ValueError) as error:
            problems = [FieldProblem(where, f"cannot be used: {error}")]
    if problems:
        raise InvalidEventType(f"{problems[0].field} {problems[0].message}.", problems=problems)


def check_sample(schema: dict[str, Any], sample: Any, where: str = "sample") -> None:
    """Raise InvalidEventType unless the sample keeps to its own schema."""
    if problems := fit(schema, sample, where):
        raise InvalidEventType(f"{problems[0].field} {problems[0].message}.", problems=problems)


def fit(schema: dict[str, Any], data: Any, where: str = "data") -> tuple[FieldProblem, ...]:
    """The first ten ways in which data does not keep to a schema that was checked; none when it does."""
    return compile_contract(schema).problems(msgspec.json.encode(data), where)


def compile_schema(schema: dict[str, Any]) -> Draft202012Validator | Draft7Validator:
    """Make a validator of a schema. Patterns run in linear time or do not compile; nothing is fetched."""
    draft_07 = schema_limits.dialect(schema) == schema_limits.DRAFT_07
    kind = Draft7Validator if draft_07 else Draft202012Validator
    options = RegexOptions(size_limit=_PATTERN_BYTES)
    return kind(schema, validate_formats=True, pattern_options=options, offline=True)


def _schema_problem(error: ValidationError, where: str) -> FieldProblem:
    path = ".".join([where, *(str(part) for part in error.instance_path)])
    if error.kind.name == "format" and error.kind.value == "regex":
        message = (
            "is no pattern that runs in linear time: look-around, back references and huge repetitions are refused"
        )
        return FieldProblem(path, message)
    (problem,) = problems_of([error], where)
    return FieldProblem(path, f"is not JSON Schema: it {problem.message}".replace("the contract", "JSON Schema"))
