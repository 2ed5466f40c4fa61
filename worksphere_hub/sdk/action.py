"""One thing that can be done at a provider, typed in and out."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worksphere_hub.sdk.api import Api


@dataclass(frozen=True, slots=True)
class Deed:
    """What an action is like: the JSON Schema of its input, and whether doing it twice is doing it once."""

    title: str
    input_schema: Mapping[str, Any] = field(default_factory=dict[str, Any])
    idempotent: bool = False
    scopes: tuple[str, ...] = ()


class Action(ABC):
    """One action of a connector."""

    def __init__(self, name: str, deed: Deed) -> None:
        self.name = name
        self.deed = deed

    @abstractmethod
    async def run(self, api: Api, given: Mapping[str, Any]) -> Any:
        """Do it; answers plain JSON. `given` has been held to the input schema. Raises ConnectorFailed."""
