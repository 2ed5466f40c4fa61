"""PURE: from what a provider gave to what is stored: contents and times, slot by slot."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from worksphere_hub.connections.models import ENTERED, MAIN, Fresh, Held
from worksphere_hub.connections.renewal import Life, due_at
from worksphere_hub.connections.token_answer import Grant, Tokens
from worksphere_hub.sdk.manifest.auth import AuthMethod, Custom, OAuth2

_OBTAINED = frozenset({"client_credentials", "jwt_bearer"})


def from_grant(method: OAuth2, grant: Grant, now: datetime, keep_alive: float, chance: float) -> list[Fresh]:
    """What a whole authorization gave, to be stored anew."""
    made: list[Fresh] = []
    for number, (slot, tokens) in enumerate(grant.slots.items()):
        captured = dict(grant.captured) if number == 0 else dict[str, Any]()
        made.append(_fresh(method, slot, tokens, {"captured": captured}, now, keep_alive, chance))
    return made


def renewed(
    method: OAuth2, held: Held, before: Mapping[str, Any], grant: Grant, now: datetime, spread: tuple[float, float]
) -> Fresh:
    """What a renewal gave for one slot. A refresh token that did not come is the old one; so is what was captured.

    `spread` is the keep-alive in seconds and a chance.
    """
    tokens = grant.slots[held.slot]
    kept = {"captured": {**before.get("captured", {}), **grant.captured}}
    if tokens.refresh_token is None and before.get("refresh_token"):
        tokens = Tokens(tokens.access_token, before["refresh_token"], tokens.expires_in, tokens.scopes)
    return _fresh(method, held.slot, tokens, kept, now, *spread)


def from_steps(captured: Mapping[str, object], expires_in: float | None, now: datetime) -> Fresh:
    """What the steps of a custom exchange gave."""
    ends = None if expires_in is None else now + timedelta(seconds=expires_in)
    return Fresh(MAIN, {"captured": dict(captured)}, "steps", now, ends)


def entered(fields: Mapping[str, Any], now: datetime) -> Fresh:
    """What somebody typed in."""
    return Fresh(ENTERED, {"fields": dict(fields)}, None, now)


def renewal_of(method: AuthMethod, content: Mapping[str, Any]) -> str | None:
    """How a credential is renewed: refresh, obtain, steps, or not at all."""
    if isinstance(method, Custom):
        return "steps" if method.steps else None
    if not isinstance(method, OAuth2):
        return None
    if content.get("refresh_token"):
        return "refresh"
    return "obtain" if method.grant in _OBTAINED else None


def _fresh(  # noqa: PLR0913, PLR0917 - one for each thing that decides
    method: OAuth2, slot: str, tokens: Tokens, kept: dict[str, Any], now: datetime, keep_alive: float, chance: float
) -> Fresh:
    content = {**kept, "access_token": tokens.access_token}
    if tokens.refresh_token is not None:
        content["refresh_token"] = tokens.refresh_token
    renewal = renewal_of(method, content)
    refreshes = renewal == "refresh"
    ends = None if tokens.expires_in is None else now + timedelta(seconds=tokens.expires_in)
    idle = method.lifetimes.refresh_idle_seconds if refreshes else None
    life = Life(now, ends, refreshes, idle)
    whole = method.lifetimes.refresh_seconds
    return Fresh(
        slot,
        content,
        renewal,
        now,
        ends,
        idle,
        # A refresh token that rotates begins its life anew each time.
        now + timedelta(seconds=whole) if refreshes and whole is not None else None,
        due_at(life, keep_alive, chance),
    )
