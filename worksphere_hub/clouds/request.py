"""A request before it is sent."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Method, URL, headers by their names in lower case, and body."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
