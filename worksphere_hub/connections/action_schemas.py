"""Shapes on the wire: actions and streams of a connection."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class ActionOut(BaseModel):
    """One thing that can be done through a connection."""

    name: str
    title: str
    input_schema: dict[str, Any]
    idempotent: Annotated[bool, Field(description="Whether doing it twice is doing it once.")]
    scopes: Annotated[list[str], Field(description="What the account's owner has to have granted for it.")]


class ActionRun(BaseModel):
    """An action to run."""

    model_config = ConfigDict(extra="forbid")
    input: Annotated[dict[str, Any], Field(description="As the action's `input_schema` says.")] = {}


class ActionResult(BaseModel):
    """What an action gave."""

    result: Any


class StreamOut(BaseModel):
    """One list of records that can be read through a connection."""

    name: str
    title: str
    primary_key: list[str]
    record_schema: dict[str, Any]
    cursor_field: str | None
    incremental: Annotated[bool, Field(description="Whether it can be read from where the last read stopped.")]
    deletes: Annotated[bool, Field(description="Whether it tells what is gone.")]
    scopes: list[str]


class SampleRequest(BaseModel):
    """Which records to look at."""

    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    only: Annotated[
        dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=1_000)]],
        Field(max_length=20, description="The stream's own parameters, such as a channel."),
    ] = {}


class SampleOut(BaseModel):
    """The first records of a stream."""

    records: list[dict[str, Any]]
