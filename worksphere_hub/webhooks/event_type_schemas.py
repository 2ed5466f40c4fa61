"""Shapes on the wire: event types and their contracts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

_Strict = ConfigDict(extra="forbid")
_Enforcement = Literal["off", "warn", "reject"]
_Schema = Annotated[
    dict[str, Any],
    Field(
        alias="schema",
        description="JSON Schema of the event's `data`: 2020-12, or draft-07 when `$schema` says so.",
        examples=[{"type": "object", "required": ["amount"]}],
    ),
]
_Attributes = Annotated[
    list[Annotated[str, Field(max_length=600)]],
    Field(max_length=10, description="Paths by which events can be searched, e.g. `data.customer.id`."),
]
_Description = Annotated[str, Field(max_length=2000)]
_Changelog = Annotated[str, Field(max_length=2000, description="What this version changes, for its consumers.")]


class EventTypeCreate(BaseModel):
    """An event type to define."""

    model_config = _Strict
    name: Annotated[str, Field(min_length=1, max_length=128, examples=["invoice.paid"])]
    description: _Description = ""
    data_schema: _Schema = {}
    sample: Annotated[Any, Field(description="Data that keeps to the schema; null for none.")] = None
    enforcement: _Enforcement = "off"
    indexed_attributes: _Attributes = []
    changelog: _Changelog = ""


class EventTypeUpdate(BaseModel):
    """Fields to change; what is left out stays. Another schema or sample makes a new version."""

    model_config = _Strict
    description: _Description | None = None
    data_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    sample: Annotated[Any, Field(description="Data that keeps to the schema; null takes the sample away.")] = None
    enforcement: _Enforcement | None = None
    indexed_attributes: _Attributes | None = None
    deprecated: bool | None = None
    changelog: _Changelog = ""
    allow_breaking: Annotated[bool, Field(description="Save it although it breaks consumers of this version.")] = False


class VersionShort(BaseModel):
    """A version of a contract, without the contract."""

    version: int
    changelog: str
    created_at: datetime
    created_by: str | None


class VersionOut(VersionShort):
    """A version of a contract. It never changes."""

    data_schema: _Schema
    sample: Any


class EventTypeOut(BaseModel):
    """An event type with the contract in force."""

    name: str
    description: str
    enforcement: _Enforcement
    deprecated_at: datetime | None
    indexed_attributes: list[str]
    version: int
    data_schema: _Schema
    sample: Any
    created_at: datetime
    updated_at: datetime


class EventTypeDetail(EventTypeOut):
    """An event type with its latest versions, newest first; `/versions` has them all."""

    versions: list[VersionShort]


class DataToCheck(BaseModel):
    """Data that wants to be an event's."""

    model_config = _Strict
    data: Any
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1, description="The current version unless it is given.")] = (
        None
    )


class ProblemOut(BaseModel):
    """Where, and what."""

    field: str
    message: str


class CheckOut(BaseModel):
    """Whether data keeps to a contract."""

    valid: bool
    version: int
    enforcement: _Enforcement
    problems: list[ProblemOut]


class SchemaToCompare(BaseModel):
    """A schema that might become the next version."""

    model_config = _Strict
    data_schema: _Schema


class ChangeOut(BaseModel):
    """One difference between two schemas, as a consumer of the old one sees it."""

    path: str
    kind: str
    breaking: bool
    message: str


class ComparisonOut(BaseModel):
    """What a new schema would mean for consumers of the current one."""

    compatible: bool
    version: int
    changes: list[ChangeOut]


class ImportRequest(BaseModel):
    """A document with event types in it."""

    model_config = _Strict
    document: Annotated[dict[str, Any], Field(description="OpenAPI 3.1 with `webhooks`, or AsyncAPI 2 or 3, as JSON.")]
    allow_breaking: bool = False
    dry_run: Annotated[bool, Field(description="Only say what would become of each; write nothing.")] = False


class ImportedOut(BaseModel):
    """What became of one event type of the document."""

    name: str
    outcome: Literal["created", "changed", "unchanged", "refused"]
    version: int | None
    problems: list[ProblemOut]
    notes: list[str]


class ImportOut(BaseModel):
    """What became of each event type of the document."""

    data: list[ImportedOut]
