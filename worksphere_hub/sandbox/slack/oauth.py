"""OAuth v2: `oauth.v2.access`, `oauth.v2.exchange`, and the two slots that rotate apart."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox.consent import Account
from worksphere_hub.sandbox.slack.methods import NotOk
from worksphere_hub.sandbox.slack.state import Team
from worksphere_hub.sandbox.tokens import App, Grant, Refusal, Rotation, Token
from worksphere_hub.sandbox.wire import Call, Json, token_answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.slack.provider import Slack

_ROTATION = Rotation(rotates=True, ends_old=True)
_REASONS = {
    "unknown_code": "invalid_code", "used_code": "code_already_used", "expired_code": "code_expired",
    "wrong_redirect": "bad_redirect_uri", "wrong_verifier": "invalid_code_verifier",
    "unknown_token": "invalid_refresh_token", "reused_token": "invalid_refresh_token",
    "revoked_token": "invalid_refresh_token", "expired_token": "invalid_refresh_token",
}  # fmt: skip


class OAuth:
    """The token endpoints. Failure is `ok: false` with HTTP 200."""

    def __init__(self, slack: "Slack") -> None:
        self._slack = slack

    def access(self, call: Call) -> Response:
        """oauth.v2.access"""
        return self._stated(call, self._access)

    def exchange(self, call: Call) -> Response:
        """oauth.v2.exchange: a token that never ends for a pair that rotates."""
        # The token comes as a field, or where tokens usually are, as Slack's SDK has it.
        return self._stated(call, lambda app, fields: self._exchange(app, str(fields.get("token") or call.bearer())))

    def _stated(self, call: Call, work: Callable[[App, Json], Json]) -> Response:
        fields = call.fields()
        try:
            return token_answer({"ok": True, **work(self._client(call, fields), fields)})
        except Refusal as refusal:
            return token_answer({"ok": False, "error": _REASONS[refusal.reason]})
        except NotOk as refusal:
            return token_answer(refusal.body)

    def _client(self, call: Call, fields: Json) -> App:
        basic = call.basic() or (str(fields.get("client_id", "")), str(fields.get("client_secret", "")))
        app = self._slack.book.apps.get(basic[0])
        if app is None:
            raise NotOk("invalid_client_id")
        # A public client that proves itself by PKCE sends no secret.
        if not app.proves(basic[1]) and not (app.settings.get("pkce") == "required" and not basic[1]):
            raise NotOk("bad_client_secret")
        return app

    def _access(self, app: App, fields: Json) -> Json:
        kind = fields.get("grant_type", "authorization_code")
        if kind == "refresh_token":
            return self._refresh(app, str(fields.get("refresh_token", "")))
        if kind != "authorization_code":
            raise NotOk("invalid_grant_type")
        redirect = str(fields.get("redirect_uri") or next(iter(app.redirect_uris), ""))
        code = self._slack.book.redeem(
            app.client_id, str(fields.get("code", "")), redirect, fields.get("code_verifier")
        )
        assert code.grant is not None
        user_scopes = tuple(code.ask.extra.get("user_scope", "").replace(",", " ").split())
        return self.install(app, self._slack.account(code.account), code.grant, user_scopes)

    def install(self, app: App, account: Account, grant: Grant, user_scopes: tuple[str, ...]) -> Json:
        """Tokens for a consent, in the slots that it asked for."""
        team = self._slack.teams[account.extra["team"]]
        grant.extra["team"] = team.id
        bot: Json = {}
        if grant.scopes:
            user = team.bot(app.client_id, app.name, self._slack.identities)
            bot = {**self._pair(app, grant, "bot", grant.scopes), "bot_user_id": user["id"]}
        person = {"id": account.id}
        if user_scopes:
            person |= self._pair(app, grant, "user", user_scopes)
        return {**bot, **_whose(app, team), "authed_user": person}

    def _refresh(self, app: App, value: str) -> Json:
        token = self._slack.book.spend(app.client_id, value, _ROTATION)
        team = self._slack.teams[token.grant.extra["team"]]
        more = {"bot_user_id": team.bots[app.client_id]["id"]} if token.slot == "bot" else {}
        return {**self._pair(app, token.grant, token.slot, token.scopes), **more, **_whose(app, team)}

    def _exchange(self, app: App, value: str) -> Json:
        if not app.settings.get("rotation"):
            raise NotOk("token_rotation_not_enabled")
        token = self._slack.book.find(value)
        if token is None or token.grant.client_id != app.client_id or token.kind != "access":
            raise NotOk("invalid_token")
        if token.expires_at is not None or token.revoked:
            raise NotOk("token_already_exchanged")
        token.revoked = True
        team = self._slack.teams[token.grant.extra["team"]]
        return {**self._pair(app, token.grant, token.slot, token.scopes), **_whose(app, team)}

    def _pair(self, app: App, grant: Grant, slot: str, scopes: tuple[str, ...]) -> Json:
        """A token of a slot; with rotation one that ends, and its refresh token."""
        slack, rotates = self._slack, bool(app.settings.get("rotation"))
        kind = "xoxb" if slot == "bot" else "xoxp"
        secret = slack.identities.text("token", 32)
        value = f"xoxe.{kind}-1-{secret}" if rotates else f"{kind}-{secret}"
        life = slack.life["access"] if rotates else None
        token = _with(slack.book.issue("access", grant, value, life, slot), scopes)
        body: Json = {"access_token": token.value, "token_type": slot, "scope": ",".join(scopes)}
        if rotates:
            refresh = slack.token("refresh", grant, f"xoxe-1-{slack.identities.text('refresh', 40)}", slot)
            body |= {"expires_in": int(life or 0), "refresh_token": _with(refresh, scopes).value}
        return body


def _with(token: Token, scopes: tuple[str, ...]) -> Token:
    token.scopes = scopes
    return token


def _whose(app: App, team: Team) -> Json:
    return {
        "app_id": app.settings.get("app_id"), "team": {"id": team.id, "name": team.name}, "enterprise": None,
        "is_enterprise_install": False,
    }  # fmt: skip
