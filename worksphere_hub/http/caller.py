"""What this room asks of a principal, which is nearly nothing."""

from typing import Protocol
from uuid import UUID


class Caller(Protocol):
    """Whoever authenticated a request leaves its principal in `scope["state"]["principal"]`."""

    @property
    def org_id(self) -> UUID:
        """The organization it acts for."""
        ...

    @property
    def label(self) -> str:
        """What it is called in logs, such as `key:8fJ2`; never a secret, never a name of a person."""
        ...
