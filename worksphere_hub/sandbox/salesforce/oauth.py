"""Salesforce's tokens: no expiry is told, a used refresh token that comes back ends everything."""

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.tokens import App, Grant, Refusal, Rotation, Token
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, empty, token_answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.salesforce.provider import Salesforce

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCES = {"https://login.salesforce.com", "https://test.salesforce.com"}
_ASSERTION_SECONDS = 3 * 60
_REASONS = {
    "unknown_code": "invalid authorization code", "used_code": "authentication failure",
    "expired_code": "expired authorization code", "wrong_redirect": "redirect_uri must match configuration",
    "wrong_verifier": "invalid code verifier",
}  # fmt: skip


class OAuth:
    """The token endpoint and what stands beside it."""

    def __init__(self, salesforce: "Salesforce") -> None:
        self._salesforce = salesforce

    def token(self, call: Call) -> Response:
        """POST /services/oauth2/token"""
        fields = call.fields()
        grants = {
            "authorization_code": self._code, "refresh_token": self._refresh, "client_credentials": self._machine,
            _JWT_BEARER: self._assertion,
        }  # fmt: skip
        work = grants.get(str(fields.get("grant_type")))
        if work is None:
            raise _refused("unsupported_grant_type", "grant type not supported")
        try:
            return token_answer(work(call, fields))
        except Refusal as refusal:
            raise _refused("invalid_grant", _REASONS.get(refusal.reason, "expired access/refresh token")) from refusal

    def revoke(self, call: Call) -> Response:
        """POST or GET /services/oauth2/revoke: the grant with everything of it."""
        token = self._salesforce.book.find(str(call.fields().get("token", "")))
        if token is None:
            raise _refused("invalid_token", "invalid token")
        self._salesforce.book.end(token.grant)
        return empty(200)

    def introspect(self, call: Call) -> Response:
        """POST /services/oauth2/introspect"""
        fields = call.fields()
        app = self._client(call, fields)
        token = self._salesforce.book.find(str(fields.get("token", "")))
        if token is None or token.grant.client_id != app.client_id or not self._alive(token):
            return answer({"active": False})
        user = self._salesforce.account(token.grant.account)
        issued = int(token.issued_at)
        end = {} if token.expires_at is None else {"exp": int(token.expires_at)}
        return answer(
            {
                "active": True, "scope": " ".join(token.grant.scopes), "client_id": app.client_id,
                "username": user.extra["username"], "sub": self._identity(call, user.id),
                "token_type": f"{token.kind}_token", "iat": issued, "nbf": issued, **end,
            }
        )  # fmt: skip

    def userinfo(self, call: Call) -> Response:
        """GET /services/oauth2/userinfo"""
        user = self._salesforce.account(self._salesforce.user(call))
        return answer(
            {
                "sub": self._identity(call, user.id), "user_id": user.id,
                "organization_id": self._salesforce.seed["org_id"], "preferred_username": user.extra["username"],
                "name": user.name, "email": user.email, "email_verified": True,
                "urls": {"rest": f"{call.base}/services/data/v{{version}}/"},
            }
        )  # fmt: skip

    def pair(self, base: str, app: App, grant: Grant, *, refresh: bool) -> Json:
        """Tokens as Salesforce answers them."""
        book, identities = self._salesforce.book, self._salesforce.identities
        secret = identities.text("token", 80)
        access = self._salesforce.token("access", grant, f"{self._salesforce.seed['org_id'][:15]}!{secret}")
        who = f"{base}/id/{self._salesforce.seed['org_id']}/{grant.account}"
        issued = str(int(access.issued_at * 1000))
        digest = hmac.new(app.client_secret.encode(), (who + issued).encode(), hashlib.sha256).digest()
        body: Json = {"access_token": access.value}
        if refresh:
            value = f"5Aep861{identities.text('refresh', 70)}"
            body["refresh_token"] = book.issue("refresh", grant, value, self._salesforce.life["refresh"]).value
        return {
            **body, "signature": base64.b64encode(digest).decode(), "scope": " ".join(grant.scopes),
            "instance_url": base, "id": who, "token_type": "Bearer", "issued_at": issued,
        }  # fmt: skip

    def _code(self, call: Call, fields: Json) -> Json:
        app = self._client(call, fields)
        redirect, verifier = str(fields.get("redirect_uri", "")), fields.get("code_verifier")
        code = self._salesforce.book.redeem(app.client_id, str(fields.get("code", "")), redirect, verifier)
        assert code.grant is not None
        code.grant.scopes = code.grant.scopes or app.scopes
        lasting = bool({"refresh_token", "offline_access", "full"} & set(code.grant.scopes))
        return self.pair(call.base, app, code.grant, refresh=lasting)

    def _refresh(self, call: Call, fields: Json) -> Json:
        app = self._client(call, fields)
        rotates = bool(app.settings.get("rotation"))
        rotation = Rotation(rotates=rotates, ends_old=True, reuse_ends_family=True)
        token = self._salesforce.book.spend(app.client_id, str(fields.get("refresh_token", "")), rotation)
        # What ends a refresh token is that it was not used, so using it begins its time anew.
        idle = self._salesforce.life["refresh"]
        token.expires_at = None if idle is None else self._salesforce.world.clock.epoch() + idle
        return self.pair(call.base, app, token.grant, refresh=rotates)

    def _machine(self, call: Call, fields: Json) -> Json:
        app = self._client(call, fields)
        user = next(
            (one for one in self._salesforce.accounts() if one.extra["username"] == app.settings.get("run_as")), None
        )
        if user is None:
            raise _refused("invalid_grant", "no client credentials user enabled")
        grant = self._salesforce.book.grant(app.client_id, user.id, ("api",))
        return self.pair(call.base, app, grant, refresh=False)

    def _assertion(self, call: Call, fields: Json) -> Json:
        text = str(fields.get("assertion", ""))
        try:
            claims = signing.unproven(text)
        except (ValueError, TypeError) as error:
            raise _refused("invalid_grant", "invalid assertion") from error
        app = self._salesforce.book.apps.get(str(claims.get("iss")))
        if app is None or not app.settings.get("public_key"):
            raise _refused("invalid_client_id", "client identifier invalid")
        if not signing.proven(text, str(app.settings["public_key"])):
            raise _refused("invalid_grant", "invalid assertion")
        if claims.get("aud") not in {*_AUDIENCES, call.base}:
            raise _refused("invalid_grant", "audience is invalid")
        left = float(claims.get("exp", 0)) - SandboxClock.wall()
        if not 0 < left <= _ASSERTION_SECONDS:
            raise _refused("invalid_grant", "expired authorization code" if left <= 0 else "invalid assertion")
        user = next((one for one in self._salesforce.accounts() if one.extra["username"] == claims.get("sub")), None)
        if user is None or not self._approved(app, user.id):
            raise _refused("invalid_grant", "user hasn't approved this consumer")
        body = self.pair(call.base, app, self._salesforce.book.grant(app.client_id, user.id, app.scopes), refresh=False)
        return {key: value for key, value in body.items() if key not in {"signature", "issued_at"}}

    def _approved(self, app: App, user: str) -> bool:
        held = (grant for grant in self._salesforce.book.grants if not grant.revoked)
        return bool(app.settings.get("preauthorized")) or any(
            (grant.client_id, grant.account) == (app.client_id, user) for grant in held
        )

    def _client(self, call: Call, fields: Json) -> App:
        given = call.basic() or (str(fields.get("client_id", "")), str(fields.get("client_secret", "")))
        app = self._salesforce.book.apps.get(given[0])
        if app is None:
            raise _refused("invalid_client_id", "client identifier invalid")
        # Proof by PKCE alone is for public clients, which have no secret to send.
        public = app.settings.get("public") and not given[1]
        if not public and not app.proves(given[1]):
            raise _refused("invalid_client", "invalid client credentials")
        return app

    def _alive(self, token: Token) -> bool:
        try:
            self._salesforce.book.check(token.value, token.kind)
        except Refusal:
            return False
        return not token.spent

    def _identity(self, call: Call, user: str) -> str:
        return f"{call.base}/id/{self._salesforce.seed['org_id']}/{user}"


def _refused(error: str, description: str, status: int = 400) -> Answered:
    return Answered(token_answer({"error": error, "error_description": description}, status))
