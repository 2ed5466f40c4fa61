"""PURE: apps, codes, grants and tokens, as an authorization server keeps them."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.identity import Identities


class Refusal(Exception):
    """A code or token is not accepted; `reason` is a word of this file, which providers put into their own."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(slots=True)
class App:
    """A client as registered at the vendor."""

    client_id: str
    client_secret: str
    name: str
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    def proves(self, secret: str) -> bool:
        """Whether this is its secret."""
        return hmac.compare_digest(self.client_secret.encode(), secret.encode())


@dataclass(frozen=True, slots=True)
class Ask:
    """What an authorization request asks for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None = None
    challenge: str | None = None
    extra: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(slots=True)
class Code:
    """An authorization code: good once, for a while, with the same redirect URI and the matching verifier."""

    value: str
    ask: Ask
    account: str
    expires_at: float
    grant: "Grant | None" = None


@dataclass(slots=True)
class Grant:
    """That an app may act for an account: the family that its tokens belong to."""

    id: str
    client_id: str
    account: str
    scopes: tuple[str, ...]
    revoked: bool = False
    extra: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Token:
    """An access or a refresh token; `slot` tells apart those of one grant that live on their own."""

    value: str
    kind: str
    grant: Grant
    scopes: tuple[str, ...]
    issued_at: float
    expires_at: float | None
    slot: str = ""
    spent: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Rotation:
    """What becomes of a refresh token that was used."""

    rotates: bool = False
    ends_old: bool = True
    reuse_ends_family: bool = False


class TokenBook:
    """All codes and tokens of one provider."""

    def __init__(self, clock: SandboxClock, identities: Identities) -> None:
        self._clock = clock
        self._identities = identities
        self.apps: dict[str, App] = {}
        self.grants: list[Grant] = []
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, Token] = {}

    def code(self, ask: Ask, account: str, lifetime: float) -> Code:
        """A new code."""
        value = self._identities.text("code", 40)
        code = Code(value, ask, account, self._clock.epoch() + lifetime)
        self._codes[value] = code
        return code

    def redeem(self, client_id: str, value: str, redirect_uri: str, verifier: str | None) -> Code:
        """Take a code. Raises Refusal: unknown_code, used_code, expired_code, wrong_redirect, wrong_verifier.

        A code that comes back ends what it was redeemed for, since one of the two who had it stole it.
        """
        code = self._codes.get(value)
        if code is None or code.ask.client_id != client_id:
            raise Refusal("unknown_code")
        if code.grant is not None:
            self.end(code.grant)
            raise Refusal("used_code")
        if code.expires_at <= self._clock.epoch():
            raise Refusal("expired_code")
        if code.ask.redirect_uri != redirect_uri:
            raise Refusal("wrong_redirect")
        if not verifies(code.ask.challenge, verifier):
            raise Refusal("wrong_verifier")
        code.grant = self.grant(client_id, code.account, code.ask.scopes)
        return code

    def grant(self, client_id: str, account: str, scopes: tuple[str, ...]) -> Grant:
        """A new family of tokens."""
        grant = Grant(self._identities.uuid("grant"), client_id, account, scopes)
        self.grants.append(grant)
        return grant

    def issue(self, kind: str, grant: Grant, value: str, lifetime: float | None, slot: str = "") -> Token:
        """A new token; `lifetime` in seconds, None for one without an end."""
        now = self._clock.epoch()
        token = Token(value, kind, grant, grant.scopes, now, None if lifetime is None else now + lifetime, slot)
        self._tokens[value] = token
        return token

    def check(self, value: str | None, kind: str = "access") -> Token:
        """The token behind a value. Raises Refusal: unknown_token, revoked_token, expired_token."""
        token = self._tokens.get(value or "")
        if token is None or token.kind != kind:
            raise Refusal("unknown_token")
        if token.revoked or token.grant.revoked:
            raise Refusal("revoked_token")
        if token.expires_at is not None and token.expires_at <= self._clock.epoch():
            raise Refusal("expired_token")
        return token

    def spend(self, client_id: str, value: str, rotation: Rotation) -> Token:
        """Use a refresh token. Raises Refusal, and ends the family where reuse does that: reused_token."""
        token = self._tokens.get(value)
        if token is None or token.kind != "refresh" or token.grant.client_id != client_id:
            # Whose token it is comes first: nobody may end what is another's.
            raise Refusal("unknown_token")
        if token.spent and rotation.ends_old:
            if rotation.reuse_ends_family:
                self.end(token.grant)
            raise Refusal("reused_token")
        self.check(value, "refresh")
        token.spent = rotation.rotates
        return token

    def find(self, value: str) -> Token | None:
        """The token behind a value, whatever its state."""
        return self._tokens.get(value)

    def end(self, grant: Grant) -> None:
        """Revoke a grant and with it all its tokens."""
        grant.revoked = True

    def end_tokens(self, how: str, kind: str | None = None, account: str | None = None) -> int:
        """Expire or revoke (`how`) what is alive, of a kind or an account if given; how many."""
        alive = [
            token
            for token in self._tokens.values()
            if not token.revoked and kind in {None, token.kind} and account in {None, token.grant.account}
        ]
        for token in alive:
            token.revoked = token.revoked or how == "revoke"
            token.expires_at = self._clock.epoch() if how == "expire" else token.expires_at
        return len(alive)

    def alive(self, kind: str, client_id: str, account: str) -> list[Token]:
        """What an app holds of an account, the oldest first."""
        return [
            token
            for token in self._tokens.values()
            if token.kind == kind and not token.revoked and not token.grant.revoked
            and (token.grant.client_id, token.grant.account) == (client_id, account)
        ]  # fmt: skip


def verifies(challenge: str | None, verifier: str | None) -> bool:
    """Whether a PKCE verifier fits an S256 challenge; without a challenge there must be no verifier to check."""
    if challenge is None:
        return verifier is None
    digest = hashlib.sha256((verifier or "").encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge)
