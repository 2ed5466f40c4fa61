"""PURE: whose turn it is. What a worker asks for next, so that every organization and endpoint comes round."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from worksphere_hub.webhooks.known import Place
from worksphere_hub.webhooks.models import Claim

_ZERO = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Ask:
    """Where a claim begins: after this organization, and within each of `turns` after that endpoint."""

    after: UUID
    turns: dict[UUID, UUID]
    busy: Sequence[UUID]
    busy_orgs: Sequence[UUID]
    # Endpoints to look at instead of all.
    known: Sequence[Place] = ()


class Turns:
    """Remembers where the last claim stopped.

    A claim shares its room out among organizations. One that took all of its share may have more endpoints waiting:
    its next share begins after the last of them. One that did not has been seen to its end: it begins anew.
    """

    def __init__(self) -> None:
        self._after = _ZERO
        self._turns: dict[UUID, UUID] = {}

    def ask(self, busy: Sequence[UUID], busy_orgs: Sequence[UUID]) -> Ask:
        """The next claim to make."""
        return Ask(self._after, dict(self._turns), busy, busy_orgs)

    def took(self, claims: Sequence[Claim]) -> bool:
        """Hear what a claim brought; answers whether there is nothing that it did not look at."""
        began_anew = self._after == _ZERO and not self._turns
        taken: dict[UUID, int] = {}
        last: dict[UUID, UUID] = {}
        for claim in claims:
            taken[claim.org] = taken.get(claim.org, 0) + 1
            last[claim.org] = max(last.get(claim.org, _ZERO), claim.endpoint)
        self._turns = {org: last[org] for org, count in taken.items() if count >= claims[0].share}
        page_end = claims[0].page_end if claims else None
        self._after = page_end or _ZERO
        return began_anew and page_end is None and not self._turns
