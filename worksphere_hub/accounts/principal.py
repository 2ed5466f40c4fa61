"""Who asks, for whom, and what they may do."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from worksphere_hub import ids
from worksphere_hub.accounts import permissions
from worksphere_hub.accounts.errors import Forbidden

_SHOWN = 5
# What nobody takes along to another organization.
_AT_HOME = permissions.OPERATOR_ONLY | {permissions.SELF}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, for the audit log."""

    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever makes a request.

    `org` is the organization acted for, `home_org` the one that the key or person belongs to. `id` is the person's
    or the key's; `credential` is the session's or, again, the key's. `operator` tells of the home organization.
    """

    kind: Literal["api_key", "person"]
    org: UUID
    home_org: UUID
    id: UUID
    credential: UUID
    label: str
    permissions: frozenset[str]
    operator: bool = False
    rate_limit: int | None = None
    origin: Origin = NOWHERE

    @property
    def org_id(self) -> UUID:
        """The organization acted for, by the name that the HTTP door knows."""
        return self.org

    @property
    def public_id(self) -> str:
        """The id that people see."""
        return ids.encode("key" if self.kind == "api_key" else "per", self.id)

    @property
    def acting_org(self) -> UUID | None:
        """The operator's organization when it acts for another one, else None."""
        return None if self.org == self.home_org else self.home_org

    @property
    def runs_hub(self) -> bool:
        """Whether it acts for the organization that runs the hub, in which roles and keys may hold more."""
        return self.operator and self.acting_org is None

    @property
    def member(self) -> UUID | None:
        """The person, if it is one and a member of the organization acted for."""
        return self.id if self.kind == "person" and self.acting_org is None else None

    def may(self, permission: str) -> bool:
        """Whether it has a permission."""
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden, naming the permission, unless it has it."""
        if permission not in self.permissions:
            raise Forbidden(f"This needs the permission {permission}. Ask somebody who may grant it.")

    def require_all(self, wanted: Iterable[str], doing: str) -> None:
        """Raise Forbidden unless it has every permission in `wanted`; `doing` says what needs them."""
        lacking = permissions.beyond(self.permissions, wanted)
        if lacking:
            more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
            named = ", ".join(lacking[:_SHOWN]) + more
            raise Forbidden(f"{doing} takes permissions that you do not have: {named}.")

    def acting_for(self, org: UUID) -> "Principal":
        """The same principal speaking for another organization: all it may do at home but run the hub."""
        return replace(self, org=org, permissions=self.permissions - _AT_HOME)

    def coming_from(self, origin: Origin) -> "Principal":
        """The same principal with where its request came from."""
        return replace(self, origin=origin)
