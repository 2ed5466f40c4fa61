"""PURE: what a token endpoint's answer says: tokens by slot, or a refusal and what it means for the credential."""

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import parse_qsl

from worksphere_hub.connections import scopes
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.manifest.auth import OAuth2, Slot

# dead: only a person can help. operator: the client (app) is wrong. ours: the request is. transient: try again later.
Kind = Literal["dead", "transient", "operator", "ours", "pending", "slow_down"]

_KINDS: dict[str, Kind] = {
    "invalid_grant": "dead",
    "access_denied": "dead",
    "expired_token": "dead",
    "authorization_pending": "pending",
    "slow_down": "slow_down",
    "temporarily_unavailable": "transient",
    "server_error": "transient",
    "ratelimited": "transient",
    "rate_limited": "transient",
    "too_many_requests": "transient",
    "invalid_client": "operator",
    "unauthorized_client": "operator",
    "redirect_uri_mismatch": "operator",
    "invalid_client_id": "operator",
    "bad_client_secret": "operator",
    "invalid_request": "ours",
    "unsupported_grant_type": "ours",
    "invalid_scope": "ours",
}
_CODE = re.compile(r"[^A-Za-z0-9_.:-]+")
_LONGEST_LIFE = 10 * 365 * 86_400.0


class TokenRefused(Exception):
    """The token endpoint gave no token. `code` is the provider's own word, `kind` what it means."""

    def __init__(self, kind: Kind, code: str, status: int, retry_after: float | None = None) -> None:
        self.kind: Kind = kind
        self.code = code
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"{kind}: {code} ({status})")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one slot has been given. `expires_in` in seconds; None: it is not said and not known."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_in: float | None
    scopes: list[str] | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A whole answer: tokens by slot, and what the manifest wants kept of it."""

    slots: Mapping[str, Tokens]
    captured: Mapping[str, Any] = field(repr=False)


def read_grant(
    method: OAuth2, status: int, body: bytes, *, retry_after: float | None = None, only: str | None = None
) -> Grant:
    """Read an answer; `only` one slot's where one slot was renewed. Raises TokenRefused.

    A missing refresh token means that the old one stays: it is None here, and whoever stores must keep what he has.
    """
    answer = parse(body)
    if answer is None or status >= 400 or status < 200 or _truth(method.errors.refused, answer):
        raise refusal(method, status, answer, retry_after)
    found = {name: _tokens(method, slot, answer) for name, slot in method.slots.items() if only in {None, name}}
    slots = {name: tokens for name, tokens in found.items() if tokens is not None}
    if not slots and only is not None and len(method.slots) > 1:
        # Renewing one slot of several, Slack answers with that one's tokens at the top.
        top = _tokens(method, Slot(), answer)
        slots = {} if top is None else {only: top}
    if not slots:
        raise refusal(method, status, answer, retry_after)
    return Grant(slots, _captured(method, answer))


def refusal(method: OAuth2, status: int, answer: dict[str, Any] | None, retry_after: float | None) -> TokenRefused:
    """What a refusal means; the standard's own codes first, then the manifest's, then the status."""
    said = None if answer is None else _evaluate(method.errors.code, answer)
    if not isinstance(said, str) and answer is not None:
        said = answer.get("error")
    code = clean_code(said)
    if code and code in method.errors.dead:
        return TokenRefused("dead", code, status, retry_after)
    if status == 429 or status >= 500:
        return TokenRefused("transient", code or f"status_{status}", status, retry_after)
    if code in _KINDS:
        return TokenRefused(_KINDS[code], code, status, retry_after)
    if status in {401, 403} and not code:
        return TokenRefused("operator", f"status_{status}", status, retry_after)
    # What nobody has declared is no proof that the grant is gone: a person is asked only once it has gone on for long.
    return TokenRefused("ours", code or ("no_token" if status < 400 else f"status_{status}"), status, retry_after)


def clean_code(said: object) -> str:
    """A provider's error code, fit to be stored and shown: 60 plain characters at most, never a sentence of its own."""
    return _CODE.sub("_", said).strip("_")[:60] if isinstance(said, str) else ""


def parse(body: bytes) -> dict[str, Any] | None:
    """A token answer: JSON as the standard says, or a form as some providers still send; None if it is neither."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    if text.lstrip()[:1] == "{":
        try:
            found: object = json.loads(text)
        except (ValueError, RecursionError):
            return None
        return cast("dict[str, Any]", found) if isinstance(found, dict) else None
    if "=" in text and "<" not in text and "\n" not in text.strip():
        return dict(parse_qsl(text.strip(), keep_blank_values=True))
    return None


def lifetime(said: object, known: float | None = None) -> float | None:
    """Seconds that a token lives: a number, a text of one, or nothing; `known` where the answer does not say."""
    if isinstance(said, bool):
        return known
    try:
        seconds = float(cast("Any", said))
    except (TypeError, ValueError, OverflowError):
        return known
    if not math.isfinite(seconds) or seconds <= 0:
        return known
    return None if seconds > _LONGEST_LIFE else seconds


def claims_of(token: object) -> dict[str, Any] | None:
    """The claims of an id_token. Its signature is not looked at: it came from the token endpoint itself, over TLS."""
    if not isinstance(token, str) or token.count(".") != 2:
        return None
    middle = token.split(".")[1]
    try:
        found: object = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else None


def granted(grant: Grant, asked: Iterable[str]) -> list[str]:
    """The scopes that a grant really has; where the provider does not say, what was asked for (RFC 6749 5.1)."""
    said = [name for tokens in grant.slots.values() for name in tokens.scopes or ()]
    if any(tokens.scopes is not None for tokens in grant.slots.values()):
        return list(dict.fromkeys(said))
    return list(asked)


def _tokens(method: OAuth2, slot: Slot, answer: dict[str, Any]) -> Tokens | None:
    access = _evaluate(slot.access_token, answer)
    if not isinstance(access, str) or not access:
        return None
    refresh = _evaluate(slot.refresh_token, answer)
    said = _evaluate(slot.expires_in, answer)
    return Tokens(
        access,
        refresh if isinstance(refresh, str) and refresh else None,
        lifetime(said, method.lifetimes.access_seconds),
        scopes.read(_evaluate(slot.scope, answer)),
    )


def _captured(method: OAuth2, answer: dict[str, Any]) -> dict[str, Any]:
    if not method.capture:
        return {}
    seen = {**answer, "id_token_claims": claims_of(answer.get("id_token")) or {}}
    found = {name: _evaluate(source, seen) for name, source in method.capture.items()}
    return {name: value for name, value in found.items() if value is not None}


def _truth(source: str | None, answer: object) -> bool:
    if source is None:
        return False
    try:
        return load_expression(source).truth(answer)
    except ExpressionFailed:
        return False


def _evaluate(source: str, answer: object) -> Any:
    try:
        return load_expression(source).evaluate(answer)
    except ExpressionFailed:
        return None
