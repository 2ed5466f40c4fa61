"""Google's tokens: a refresh token only for who asks for it, and never a new one for an old one."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.clock import SandboxClock
from worksphere_hub.sandbox.tokens import App, Ask, Grant, Refusal, Rotation, Token
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, token_answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.google.provider import Google

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_AUDIENCE = "https://oauth2.googleapis.com/token"
# So many refresh tokens of one account and client live at once; the oldest goes without a word.
_LIVE = 100
_TESTING_SECONDS = 7 * 86_400.0
_REASONS = {
    "unknown_code": "Malformed auth code.", "used_code": "Bad Request", "expired_code": "Bad Request",
    "wrong_verifier": "Missing code verifier.",
}  # fmt: skip


class OAuth:
    """/token and what stands beside it."""

    def __init__(self, google: "Google") -> None:
        self._google = google

    def token(self, call: Call) -> Response:
        """POST /token"""
        fields = call.fields()
        kind = fields.get("grant_type")
        try:
            if kind == _JWT_BEARER:
                return token_answer(self._assertion(call, str(fields.get("assertion", ""))))
            app = self._client(call, fields)
            if kind == "refresh_token":
                return token_answer(self._refresh(app, str(fields.get("refresh_token", ""))))
            if kind != "authorization_code":
                raise _refused("unsupported_grant_type", f"Invalid grant_type: {kind}")
            return token_answer(self._code(call, app, fields))
        except Refusal as refusal:
            if refusal.reason == "wrong_redirect":
                raise _refused("redirect_uri_mismatch", "Bad Request") from refusal
            text = _REASONS.get(refusal.reason, "Token has been expired or revoked.")
            raise _refused("invalid_grant", text) from refusal

    def revoke(self, call: Call) -> Response:
        """POST or GET /revoke: the whole grant, whichever token is given."""
        token = self._google.book.find(str(call.fields().get("token", "")))
        if token is None or token.revoked or token.grant.revoked:
            raise _refused("invalid_token", "Token expired or revoked")
        self._google.book.end(token.grant)
        return answer({})

    def userinfo(self, call: Call) -> Response:
        """GET /oauth2/v3/userinfo"""
        user = self._google.account(self._google.caller(call).user)
        return answer({"sub": user.id, "name": user.name, "email": user.email, "email_verified": True})

    def issued(self, app: App, grant: Grant, *, refresh: bool) -> Json:
        """Tokens as Google answers them."""
        google = self._google
        access = google.token("access", grant, f"ya29.a0{google.identities.text('token', 100)}")
        body: Json = {
            "access_token": access.value, "expires_in": int(google.life["access"] or 0), "token_type": "Bearer",
            "scope": " ".join(grant.scopes),
        }  # fmt: skip
        if refresh:
            body["refresh_token"] = self._lasting(app, grant).value
        if "openid" in grant.scopes:
            user, now = google.account(grant.account), int(SandboxClock.wall())
            claims = {"iss": "https://accounts.google.com", "aud": app.client_id, "azp": app.client_id, "sub": user.id}
            claims |= {"email": user.email, "email_verified": True, "name": user.name, "iat": now, "exp": now + 3600}
            body["id_token"] = signing.signed(claims)
        return body

    def wants_refresh(self, ask: Ask, account: str) -> bool:
        """Offline access was asked for, and the consent is the first one or was asked for anew."""
        before = [one for one in self._google.book.grants if (one.client_id, one.account) == (ask.client_id, account)]
        first = all(one.revoked for one in before[:-1])
        return ask.extra.get("access_type") == "offline" and ("consent" in ask.extra.get("prompt", "").split() or first)

    def _code(self, call: Call, app: App, fields: Json) -> Json:
        redirect, verifier = str(fields.get("redirect_uri", "")), fields.get("code_verifier")
        code = self._google.book.redeem(app.client_id, str(fields.get("code", "")), redirect, verifier)
        assert code.grant is not None
        del call
        if code.ask.extra.get("include_granted_scopes") == "true":
            held = (
                one.scopes
                for one in self._google.book.grants
                if not one.revoked and one.account == code.account and one.client_id == app.client_id
            )
            code.grant.scopes = tuple(
                dict.fromkeys([*code.grant.scopes, *(scope for scopes in held for scope in scopes)])
            )
        return self.issued(app, code.grant, refresh=self.wants_refresh(code.ask, code.account))

    def _refresh(self, app: App, value: str) -> Json:
        if subtype := app.settings.get("error_subtype"):
            raise Answered(
                token_answer(
                    {"error": "invalid_grant", "error_description": "reauth related error", "error_subtype": subtype},
                    400,
                )
            )
        token = self._google.book.spend(app.client_id, value, Rotation())
        idle = self._google.life["refresh"]
        if idle is not None and app.settings.get("publishing") != "testing":
            token.expires_at = self._google.world.clock.epoch() + idle
        return self.issued(app, token.grant, refresh=False)

    def _lasting(self, app: App, grant: Grant) -> Token:
        """A refresh token: a week long while the app is in testing, else until half a year without use."""
        google = self._google
        testing = app.settings.get("publishing") == "testing"
        life = _TESTING_SECONDS if testing else google.life["refresh"]
        alive = google.book.alive("refresh", app.client_id, grant.account)
        for old in alive[: max(0, len(alive) - _LIVE + 1)]:
            old.revoked = True
        return google.book.issue("refresh", grant, f"1//0{google.identities.text('refresh', 96)}", life)

    def _assertion(self, call: Call, text: str) -> Json:
        """A service account, for itself or (`sub`) for somebody of its domain."""
        try:
            claims = signing.unproven(text)
        except (ValueError, TypeError) as error:
            raise _refused("invalid_grant", "Invalid JWT: it cannot be read.") from error
        app = next(
            (
                one
                for one in self._google.book.apps.values()
                if one.settings.get("service_account") == claims.get("iss")
            ),
            None,
        )
        if app is None:
            raise _refused("invalid_grant", "Invalid grant: account not found")
        if not signing.proven(text, str(app.settings.get("public_key", ""))):
            raise _refused("invalid_grant", "Invalid JWT Signature.")
        left = float(claims.get("exp", 0)) - SandboxClock.wall()
        if not 0 < left <= 3700 or claims.get("aud") not in {_AUDIENCE, f"{call.base}/token"}:
            raise _refused(
                "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) for this server."
            )
        user = self._google.state.user(str(claims.get("sub") or app.settings.get("acts_as", "")))
        if user is None or (claims.get("sub") and not app.settings.get("delegation")):
            raise _refused(
                "unauthorized_client", "Client is unauthorized to retrieve access tokens using this method.", 401
            )
        grant = self._google.book.grant(app.client_id, user["id"], tuple(str(claims.get("scope", "")).split()))
        body = self.issued(app, grant, refresh=False)
        return {key: value for key, value in body.items() if key != "scope"}

    def _client(self, call: Call, fields: Json) -> App:
        given = call.basic() or (str(fields.get("client_id", "")), str(fields.get("client_secret", "")))
        app = self._google.book.apps.get(given[0])
        if app is None:
            raise _refused("invalid_client", "The OAuth client was not found.", 401)
        if not app.proves(given[1]):
            raise _refused("invalid_client", "The provided client secret is invalid.", 401)
        return app


def _refused(error: str, description: str, status: int = 400) -> Answered:
    return Answered(token_answer({"error": error, "error_description": description}, status))
