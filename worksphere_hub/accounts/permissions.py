"""PURE: what there is to be allowed, which role is allowed it, and what one may pass on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OWNER = "owner"

# Of everybody who signs in with a password, and of nobody else: one's own sessions and password. No role has it.
SELF = "self:manage"
# The operator's own: to speak for another organization.
ACT = "organizations:act"


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing to be allowed: who has it among the built-in roles, and whether an API key may carry it.

    `operator` ones exist only in the organization that runs the hub.
    """

    name: str
    what: str
    roles: str
    key: bool = False
    operator: bool = False


_ALL = "owner admin developer operator analyst auditor"
_MAKERS = "owner admin developer"
_HANDS = "owner admin developer operator"
_WATCHERS = "owner admin developer operator analyst"
_STAFF = "owner admin developer operator auditor"
_HEADS = "owner admin"

CATALOGUE = (
    Permission("organizations:create", "create organizations", _HEADS, key=True, operator=True),
    Permission("organizations:list", "see all organizations", _HEADS, key=True, operator=True),
    Permission("organizations:suspend", "suspend and resume organizations", _HEADS, key=True, operator=True),
    Permission(ACT, "act for other organizations", _HEADS, key=True, operator=True),
    Permission("marketplace:publish", "offer integrations to every organization", _HEADS, key=True, operator=True),
    Permission("marketplace:moderate", "hide reviews and show them again", _HEADS, key=True, operator=True),
    Permission("organizations:read", "see the organization", _ALL, key=True),
    Permission("organizations:write", "change the organization's settings", OWNER),
    Permission("members:read", "see members and invitations", _STAFF),
    Permission("members:write", "invite, change and remove members", _HEADS),
    Permission("roles:read", "see roles", _STAFF),
    Permission("roles:write", "create and delete roles", _HEADS),
    Permission("api_keys:read", "see API keys", _STAFF),
    Permission("api_keys:write", "create API keys", _MAKERS),
    Permission("api_keys:revoke", "revoke API keys that one has made", _HANDS),
    Permission("api_keys:revoke_any", "revoke API keys that others have made", "owner admin operator"),
    Permission("integrations:read", "see the catalogue and instances", _WATCHERS, key=True),
    Permission("integrations:write", "install and configure integrations", _MAKERS, key=True),
    Permission("integrations:pause", "enable and disable instances", _HANDS, key=True),
    Permission(
        "reviews:write", "review what is installed, and reply to reviews of one's own listings", _MAKERS, key=True
    ),
    Permission("connections:read", "see connections", _WATCHERS, key=True),
    Permission("connections:write", "create connections and authorize them again", _HANDS, key=True),
    Permission("connections:call", "call providers through connections", _MAKERS, key=True),
    # Off besides, unless whoever runs the hub switches it on.
    Permission("connections:reveal", "read raw credentials of connections", OWNER, key=True),
    Permission("syncs:read", "see syncs, runs and conflicts", _WATCHERS, key=True),
    Permission("syncs:write", "configure syncs", _MAKERS, key=True),
    Permission("syncs:run", "run, pause and resume syncs", _HANDS, key=True),
    Permission("endpoints:read", "see endpoints and their attempts", _WATCHERS, key=True),
    Permission("endpoints:write", "create, change and delete endpoints", _MAKERS, key=True),
    Permission("endpoints:pause", "enable and disable endpoints", _HANDS, key=True),
    Permission("endpoints:rotate", "rotate an endpoint's secret", _HANDS, key=True),
    Permission("inbound:read", "see inbound sources and their messages, without bodies", _WATCHERS, key=True),
    Permission("inbound:write", "create, change and delete inbound sources", _MAKERS, key=True),
    Permission("inbound:rotate", "rotate an inbound source's address and secret", _HANDS, key=True),
    Permission("inbound:replay", "process inbound messages again, or set them aside", _HANDS, key=True),
    Permission("events:read", "see events, without their data", _WATCHERS, key=True),
    Permission("events:publish", "publish events", _MAKERS, key=True),
    Permission("event_types:read", "see event types and their contracts", _ALL, key=True),
    Permission("event_types:write", "define, change and delete event types", _MAKERS, key=True),
    Permission("payloads:read", "see the data of events and the bodies of answers", _MAKERS, key=True),
    Permission("payloads:expunge", "remove the data of single events for good", _MAKERS, key=True),
    Permission("deliveries:read", "see deliveries", _WATCHERS, key=True),
    Permission("deliveries:retry", "replay events and send deliveries again", _HANDS, key=True),
    Permission("deliveries:pull", "fetch and acknowledge the messages of pull endpoints", _MAKERS, key=True),
    Permission("metrics:read", "see counts, times and states", _ALL, key=True),
    Permission("audit:read", "read the audit log", "owner admin auditor", key=True),
)

NAMES = frozenset(permission.name for permission in CATALOGUE)
OPERATOR_ONLY = frozenset(permission.name for permission in CATALOGUE if permission.operator)
ROLE_NAMES = tuple(_ALL.split())

# Whose session is the more valuable: it ends after a day whatever happens.
ADMINISTRATIVE = frozenset({"members:write", "organizations:write"})


def built_in_roles(*, operator: bool) -> Mapping[str, tuple[str, ...]]:
    """The roles that every organization begins with, and what each may do."""
    offered = _offered(operator=operator)
    return {
        role: tuple(sorted(each.name for each in CATALOGUE if each.name in offered and role in each.roles.split()))
        for role in ROLE_NAMES
    }


def key_scopes(*, operator: bool) -> frozenset[str]:
    """What an API key may carry at most. Never people, roles or keys: a stolen key must not be able to stay."""
    offered = _offered(operator=operator)
    return frozenset(each.name for each in CATALOGUE if each.key and each.name in offered)


def of_role(permissions: Iterable[str], *, operator: bool) -> frozenset[str]:
    """What a stored role really allows in its organization."""
    return frozenset(permissions) & _offered(operator=operator)


def of_key(scopes: Iterable[str], creator: Iterable[str] | None, *, operator: bool) -> frozenset[str]:
    """What a key may do now: its scopes, cut to what its creator (None: nobody in particular) still may."""
    allowed = frozenset(scopes) & key_scopes(operator=operator)
    return allowed if creator is None else allowed & frozenset(creator)


def beyond(held: frozenset[str], wanted: Iterable[str]) -> list[str]:
    """What of `wanted` is not held: whoever lacks a permission can neither grant it nor touch who has it."""
    return sorted(frozenset(wanted) - held)


def unknown(names: Iterable[str], *, operator: bool) -> list[str]:
    """Which names are no permission that a role of this organization can have."""
    return sorted(frozenset(names) - _offered(operator=operator))


def _offered(*, operator: bool) -> frozenset[str]:
    return NAMES if operator else NAMES - OPERATOR_ONLY
