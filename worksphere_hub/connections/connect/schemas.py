"""Shapes on the wire: connect sessions."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

_Method = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class ConnectSessionCreate(BaseModel):
    """A connect page to open for a customer: for a new connection of an instance, or to authorize one anew."""

    model_config = ConfigDict(extra="forbid")
    instance_id: Annotated[str | None, Field(description="What is to be connected.")] = None
    connection_id: Annotated[str | None, Field(description="Or what is to be authorized anew; it keeps its id.")] = None
    name: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="What a new connection is called; the integration's name."),
    ] = None
    product: Annotated[
        str | None,
        Field(min_length=1, max_length=100, description="Who asks, in the page's words; the organization's name."),
    ] = None
    return_url: Annotated[
        str | None,
        Field(max_length=2_000, description="Where the page leads back to: one of the organization's, exactly."),
    ] = None
    auth_methods: Annotated[
        list[_Method] | None,
        Field(min_length=1, max_length=10, description="The manifest's ways that may be chosen; all of them."),
    ] = None
    language: Annotated[
        Literal["en", "fr", "sw", "pt", "ar"] | None, Field(description="The page's; else what the browser prefers.")
    ] = None
    expires_in: Annotated[
        int | None, Field(ge=60, le=86_400, description="Seconds that the page is good; half an hour.")
    ] = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "ConnectSessionCreate":
        if (self.instance_id is None) == (self.connection_id is None):
            raise ValueError("give either instance_id or connection_id")
        if self.connection_id is not None and (self.auth_methods or self.name):
            raise ValueError("a connection has its way of authorizing and its name: leave auth_methods and name out")
        return self


class ConnectSessionOut(BaseModel):
    """A connect page and how far its customer has come."""

    id: str
    state: Literal["open", "connected", "expired", "closed"]
    instance_id: str
    connection_id: str | None = Field(description="What is being connected; it works once `state` is connected.")
    name: str
    product: str | None
    return_url: str | None
    auth_methods: list[str] | None
    opened: bool = Field(description="Whether somebody has done something on it.")
    problem: str | None = Field(description="Why the last try did not lead to a working account: a stable word.")
    problem_detail: str | None
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None


class ConnectSessionCreated(ConnectSessionOut):
    """The same with its address, which is shown this once: whoever has it may act."""

    url: str
