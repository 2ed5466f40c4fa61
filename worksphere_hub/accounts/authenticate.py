"""Who asks: from an Authorization header to a principal, cheaply enough for every published event.

What a key or a session may do is believed for a second at most, so that every process refuses a revoked one within
that second. The key's own secret is compared every time, with nothing remembered of it but the stored digest.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from worksphere_hub import clock, ids
from worksphere_hub.accounts import audit, permissions
from worksphere_hub.accounts.errors import Forbidden, OrganizationNotFound, Unauthenticated
from worksphere_hub.accounts.freshness import Fresh
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.settings import AccountSettings
from worksphere_hub.accounts.store import QUERIES
from worksphere_hub.db.failures import is_passing
from worksphere_hub.db.pool import Database
from worksphere_hub.http.rates import RateLimiter
from worksphere_hub.security import tokens
from worksphere_hub.telemetry.logs import wide

_HINT = "Send `Authorization: Bearer` and an API key or a session token."
# A refusal a second, and a minute's worth at once: more of the same would only bury the log.
_REFUSALS = (1.0, 60.0)


@dataclass(frozen=True, slots=True)
class _Credential:
    """What is known of a key: what its text must hash to, and who it is (None: nobody who may come in)."""

    digest: bytes
    principal: Principal | None


# No text hashes to this, and comparing with it takes as long as with any other.
_NOBODY = _Credential(bytes(32), None)


class Authenticator:
    """Turns headers into principals. One per process."""

    def __init__(self, database: Database, pepper: bytes, limiter: RateLimiter, settings: AccountSettings) -> None:
        self._database = database
        self._pepper = pepper
        self._limiter = limiter
        self._settings = settings
        seconds = settings.freshness
        self._keys: Fresh[str, _Credential] = Fresh(self._find_key, seconds=seconds)
        self._sessions: Fresh[bytes, Principal | None] = Fresh(self._find_session, seconds=seconds)
        self._open: Fresh[UUID, bool] = Fresh(self._is_open, seconds=seconds)
        self._used: dict[tuple[UUID, UUID], float] = {}

    async def authenticate(self, authorization: str | None, organization: str | None = None) -> Principal:
        """Find who presents this Authorization header, acting for `organization` (`org_...`) if that is given.

        Raises Unauthenticated, RateLimited, or OrganizationNotFound for one that it may not act for.
        """
        now = clock.monotonic()
        text = _bearer(authorization)
        if text.startswith(tokens.SESSION_PREFIX):
            principal = await self._by_session(text, now)
        else:
            principal = await self._by_key(text, now)
        self._limit(principal, now)
        if organization is None:
            return principal
        return await self._acting_for(principal, organization, now)

    async def record_refusal(self, principal: Principal, refused: Forbidden, doing: str) -> None:
        """Put a refused attempt on the audit log; `doing` names what was refused, such as a route."""
        if self._limiter.take(f"refusal:{principal.label}", *_REFUSALS, clock.monotonic()) > 0:
            return
        async with self._database.tenant(principal.org) as tx:
            await audit.record_refusal(tx, principal, doing, refused.detail)

    async def flush_touches(self) -> None:
        """Write down when keys were last used; what cannot be written now is kept for the next time."""
        if not self._used:
            return
        used, self._used = self._used, {}
        now, elapsed_now = clock.now(), clock.monotonic()
        times = [now - timedelta(seconds=elapsed_now - at) for at in used.values()]
        try:
            await self._database.call(QUERIES.touch_api_keys, [org for org, _ in used], [key for _, key in used], times)
        except Exception as error:
            if not is_passing(error):
                raise
            self._used = used | self._used
            with wide("keys.touched", keys=len(used)) as line:
                line.caught(error)

    async def _by_key(self, text: str, now: float) -> Principal:
        parsed = tokens.parse_api_key(text)
        if parsed is None:
            raise Unauthenticated(f"This is neither an API key nor a session token of the hub. {_HINT}")
        known = await self._keys.find(parsed.key_id, now)
        # The same work whether the id is known or not: the time taken says nothing about which ids there are.
        fits = tokens.same(tokens.digest(self._pepper, text), known.digest)
        if known.principal is None or not fits:
            raise Unauthenticated("This API key is unknown, expired or revoked. Use another one.")
        self._used[known.principal.home_org, known.principal.id] = now
        return known.principal

    async def _by_session(self, text: str, now: float) -> Principal:
        digest = tokens.token_digest(tokens.SESSION_PREFIX, text)
        principal = None if digest is None else await self._sessions.find(digest, now)
        if principal is None:
            raise Unauthenticated("This session is unknown or over. Sign in again.")
        return principal

    def _limit(self, principal: Principal, now: float) -> None:
        own = principal.rate_limit
        rate = own or self._settings.rate_limit
        burst = 2 * own if own else self._settings.rate_burst
        self._limiter.require(principal.label, rate, burst, now)

    async def _acting_for(self, principal: Principal, organization: str, now: float) -> Principal:
        org = ids.parse("org", organization)
        if org == principal.home_org:
            return principal
        # One answer for what is foreign, suspended, missing or misspelt: others learn nothing about who is a tenant.
        if org is None or not principal.may(permissions.ACT) or not await self._open.find(org, now):
            raise OrganizationNotFound
        return principal.acting_for(org)

    async def _find_key(self, key_id: str) -> _Credential:
        rows = await self._database.call(QUERIES.find_api_key, key_id)
        if not rows:
            return _NOBODY
        row = rows[0]
        if row["creator_gone"]:
            return _Credential(row["digest"], None)
        operator: bool = row["operator"]
        may = permissions.of_key(row["scopes"], row["creator_permissions"], operator=operator)
        principal = Principal(
            kind="api_key",
            org=row["org_id"],
            home_org=row["org_id"],
            id=row["id"],
            credential=row["id"],
            label=f"key:{key_id}",
            permissions=may,
            operator=operator,
            rate_limit=row["rate_limit"],
        )
        return _Credential(row["digest"], principal)

    async def _find_session(self, digest: bytes) -> Principal | None:
        rows = await self._database.call(QUERIES.find_session, digest)
        if not rows:
            return None
        row = rows[0]
        operator: bool = row["operator"]
        return Principal(
            kind="person",
            org=row["org_id"],
            home_org=row["org_id"],
            id=row["person_id"],
            credential=row["id"],
            label=f"person:{row['person_id'].hex}",
            permissions=permissions.of_role(row["permissions"], operator=operator) | {permissions.SELF},
            operator=operator,
        )

    async def _is_open(self, org: UUID) -> bool:
        rows = await self._database.call(QUERIES.organization_is_open, org)
        return rows[0][0]


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise Unauthenticated(f"There is no Authorization header. {_HINT}")
    scheme, _, text = authorization.partition(" ")
    if scheme != "Bearer" and scheme.lower() != "bearer":
        raise Unauthenticated(f"The Authorization header is of another scheme. {_HINT}")
    return text.strip()
