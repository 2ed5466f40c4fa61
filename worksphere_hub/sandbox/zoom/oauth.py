"""Zoom's token endpoint: HTTP Basic, a new refresh token at each use, and server-to-server."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.tokens import App, Grant, Refusal, Rotation
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, token_answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.zoom.provider import Zoom

_ROTATION = Rotation(rotates=True, ends_old=True)
_REASONS = {
    "unknown_code": "Invalid authorization code", "used_code": "Invalid authorization code",
    "expired_code": "Invalid authorization code", "wrong_redirect": "Redirect URI mismatch.",
    "wrong_verifier": "Invalid code verifier",
}  # fmt: skip


class OAuth:
    """Tokens of the account and of its users."""

    def __init__(self, zoom: "Zoom") -> None:
        self._zoom = zoom

    def token(self, call: Call) -> Response:
        """POST /oauth/token"""
        app = self._client(call)
        fields = call.fields()
        try:
            return token_answer(self._granted(app, fields))
        except Refusal as refusal:
            raise _refused("invalid_grant", _REASONS.get(refusal.reason, "Invalid Token!")) from refusal

    def revoke(self, call: Call) -> Response:
        """POST /oauth/revoke"""
        app = self._client(call)
        token = self._zoom.book.find(str(call.fields().get("token", "")))
        if token is None or token.grant.client_id != app.client_id:
            raise _refused("invalid_token", "Invalid Token!")
        self._zoom.book.end(token.grant)
        return answer({"status": "success"})

    def pair(self, grant: Grant, *, refresh: bool) -> Json:
        """Tokens as Zoom answers them."""
        zoom = self._zoom
        access = zoom.token("access", grant, f"eyJzdiI6IjAwMDAwMSJ9.{zoom.identities.text('token', 48)}")
        body: Json = {"access_token": access.value, "token_type": "bearer"}
        if refresh:
            value = f"eyJzdiI6IjAwMDAwMSJ9.{zoom.identities.text('refresh', 48)}"
            body["refresh_token"] = zoom.token("refresh", grant, value).value
        life = int(zoom.life["access"] or 0)
        return {**body, "expires_in": life, "scope": " ".join(grant.scopes), "api_url": zoom.api_url}

    def _client(self, call: Call) -> App:
        basic = call.basic()
        app = self._zoom.book.apps.get(basic[0]) if basic else None
        if basic is None or app is None or not app.proves(basic[1]):
            raise _refused("invalid_client", "Invalid client_id or client_secret", 401)
        self._zoom.api_url = call.base
        return app

    def _granted(self, app: App, fields: Json) -> Json:
        kind, book = fields.get("grant_type"), self._zoom.book
        if kind == "account_credentials":
            return self._of_account(app, fields)
        if app.settings.get("server_to_server"):
            raise _refused("unsupported_grant_type", "unsupported grant type")
        if kind == "refresh_token":
            spent = book.spend(app.client_id, str(fields.get("refresh_token", "")), _ROTATION)
            return self.pair(spent.grant, refresh=True)
        if kind != "authorization_code":
            raise _refused("unsupported_grant_type", "unsupported grant type")
        redirect = str(fields.get("redirect_uri", ""))
        code = book.redeem(app.client_id, str(fields.get("code", "")), redirect, fields.get("code_verifier"))
        assert code.grant is not None
        # A request rarely names scopes at Zoom: the app has those that it was registered with.
        code.grant.scopes = code.grant.scopes or app.scopes
        return self.pair(code.grant, refresh=True)

    def _of_account(self, app: App, fields: Json) -> Json:
        if not app.settings.get("server_to_server"):
            raise _refused("unsupported_grant_type", "unsupported grant type")
        if fields.get("account_id") != self._zoom.state.account_id:
            raise _refused("invalid_request", "Bad Request")
        grant = self._zoom.book.grant(app.client_id, "", app.scopes)
        return self.pair(grant, refresh=False)


def _refused(error: str, reason: str, status: int = 400) -> Answered:
    return Answered(token_answer({"reason": reason, "error": error}, status))
