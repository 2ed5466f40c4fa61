"""Entra's tokens: a new refresh token each time, the old one goes on; scopes are said again at each refresh."""

from typing import TYPE_CHECKING

from starlette.responses import Response

from worksphere_hub.sandbox import signing
from worksphere_hub.sandbox.clock import SandboxClock, iso, parse_iso
from worksphere_hub.sandbox.consent import Account, stop
from worksphere_hub.sandbox.tokens import App, Ask, Grant, Refusal, Rotation
from worksphere_hub.sandbox.wire import Answered, Call, Json, answer, token_answer

if TYPE_CHECKING:
    from worksphere_hub.sandbox.microsoft.provider import Microsoft

GRAPH = "https://graph.microsoft.com"
RESERVED = {"openid", "profile", "email", "offline_access"}
_ROTATION = Rotation(rotates=True, ends_old=False)
_SPA_SECONDS = 86_400.0
# Nobody but an administrator may consent to these.
_ADMIN = {"ChannelMessage.Read.All", "TeamMember.Read.All", "User.Read.All", "Group.Read.All", "Chat.Read.All"}
_MANY = {"common", "organizations"}
_REASONS = {
    "unknown_code": (9002313, "Invalid request. Request is malformed or invalid."),
    "used_code": (
        54005,
        "OAuth2 Authorization code was already redeemed.",
    ),
    "expired_code": (70008, "The provided authorization code or refresh token has expired due to inactivity."),
    "wrong_redirect": (
        500112,
        "The reply address does not match the one of the authorization request.",
    ),
    "wrong_verifier": (
        50148,
        "The code_verifier does not match the code_challenge of the request.",
    ),
    "expired_token": (700082, "The refresh token has expired due to inactivity."),
    "revoked_token": (50173, "The provided grant has expired due to it being revoked, a fresh auth token is needed."),
}


class OAuth:
    """/{tenant}/oauth2/v2.0 and what stands beside it."""

    def __init__(self, microsoft: "Microsoft") -> None:
        self._microsoft = microsoft

    def token(self, call: Call) -> Response:
        """POST /{tenant}/oauth2/v2.0/token"""
        self._tenant(call)
        fields = call.fields()
        app = self._client(call, fields)
        grants = {"authorization_code": self._code, "refresh_token": self._refresh, "client_credentials": self._machine}
        work = grants.get(str(fields.get("grant_type")))
        if work is None:
            raise self.refused("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
        try:
            return token_answer(work(call, app, fields))
        except Refusal as refusal:
            number, text = _REASONS.get(refusal.reason, (9002313, "Invalid request. Request is malformed or invalid."))
            raise self.refused("invalid_grant", number, text) from refusal

    def configuration(self, call: Call) -> Response:
        """GET /{tenant}/v2.0/.well-known/openid-configuration"""
        self._tenant(call)
        base = f"{call.base}/{call.part('tenant')}"
        return answer(
            {
                "issuer": self.issuer(call.base),
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "tenant_region_scope": "EU",
                "claims_supported": [
                    "sub",
                    "iss",
                    "aud",
                    "exp",
                    "iat",
                    "nonce",
                    "preferred_username",
                    "name",
                    "tid",
                    "ver",
                ],
            }
        )

    def issuer(self, base: str) -> str:
        """Who says so."""
        return f"{base}/{self._microsoft.state.tenant['id']}/v2.0"

    def approve(self, ask: Ask, account: Account) -> dict[str, str]:
        """What goes back beside the code. Shows a page where an administrator's approval is missing."""
        app = self._microsoft.book.apps[ask.client_id]
        wanted = set(_short(ask.scopes)) & _ADMIN
        if wanted and not app.settings.get("admin_consented") and not account.extra["admin"]:
            raise Answered(stop(f"Need admin approval (AADSTS90094): {app.name} needs {', '.join(sorted(wanted))}."))
        return {"session_state": self._microsoft.identities.uuid("session")}

    def consent_of_admin(self, ask: Ask, account: Account) -> dict[str, str]:
        """The administrator consents for everybody. Shows a page to anybody else."""
        if not account.extra["admin"]:
            raise Answered(stop("You are not an administrator of this tenant (AADSTS90094)."))
        self._microsoft.book.apps[ask.client_id].settings["admin_consented"] = True
        return {"admin_consent": "True", "tenant": self._microsoft.state.tenant["id"]}

    def issued(self, base: str, app: App, grant: Grant, scopes: tuple[str, ...]) -> Json:
        """Tokens for somebody, as Entra answers them."""
        shown = [scope for scope in scopes if scope not in RESERVED]
        body = self._access(base, app, grant, {"scp": " ".join(shown)})
        granted = [*shown, *(scope for scope in ("profile", "openid", "email") if scope in scopes)]
        body["scope"] = " ".join(granted)
        if "offline_access" in scopes:
            life = _SPA_SECONDS if app.settings.get("spa") else self._microsoft.life["refresh"]
            value = f"1.{self._microsoft.identities.text('refresh', 120)}"
            body["refresh_token"] = self._microsoft.book.issue("refresh", grant, value, life).value
        if "openid" in scopes:
            user, now = self._microsoft.account(grant.account), int(SandboxClock.wall())
            claims = {
                "aud": app.client_id,
                "iss": self.issuer(base),
                "iat": now,
                "nbf": now,
                "exp": now + 3600,
                "name": user.name,
                "oid": user.id,
                "sub": user.id,
                "tid": self._microsoft.state.tenant["id"],
                "ver": "2.0",
                "preferred_username": user.email,
                **({"nonce": grant.extra["nonce"]} if grant.extra.get("nonce") else {}),
            }
            body["id_token"] = signing.signed(claims)
        return body

    def refused(self, error: str, number: int, text: str, status: int = 400, **more: str) -> Answered:
        """Entra's error, with its number."""
        now = self._microsoft.world.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        trace, correlation = self._microsoft.identities.uuid("trace"), self._microsoft.identities.uuid("correlation")
        description = f"AADSTS{number}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {now}"
        body: Json = {
            "error": error, "error_description": description, "error_codes": [number], "timestamp": now,
            "trace_id": trace, "correlation_id": correlation, **more,
        }  # fmt: skip
        return Answered(token_answer(body, status))

    def _access(self, base: str, app: App, grant: Grant, rights: Json) -> Json:
        """An access token: a JWT, which clients should not look into and often do, for the tenant."""
        life, now = int(self._microsoft.life["access"] or 0), int(SandboxClock.wall())
        claims: Json = {
            "aud": GRAPH, "iss": self.issuer(base), "iat": now, "nbf": now, "exp": now + life, "appid": app.client_id,
            "tid": self._microsoft.state.tenant["id"], "oid": grant.account or app.client_id, "ver": "1.0",
            "uti": self._microsoft.identities.text("token", 22), **rights,
        }  # fmt: skip
        token = self._microsoft.token("access", grant, signing.signed(claims))
        token.scopes = tuple(str(rights.get("scp", "")).split()) or tuple(rights.get("roles", ()))
        return {"token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token.value}

    def _code(self, call: Call, app: App, fields: Json) -> Json:
        redirect, verifier = str(fields.get("redirect_uri", "")), fields.get("code_verifier")
        code = self._microsoft.book.redeem(app.client_id, str(fields.get("code", "")), redirect, verifier)
        assert code.grant is not None
        code.grant.scopes = _short(code.grant.scopes)
        code.grant.extra["nonce"] = code.ask.extra.get("nonce")
        return self.issued(call.base, app, code.grant, self._wanted(code.grant, fields))

    def _refresh(self, call: Call, app: App, fields: Json) -> Json:
        if not fields.get("scope"):
            text = "The request body must contain the following parameter: 'scope'."
            raise self.refused("invalid_request", 900144, text)
        token = self._microsoft.book.spend(app.client_id, str(fields.get("refresh_token", "")), _ROTATION)
        # Whoever refreshes is given a refresh token, said or not.
        scopes = tuple(dict.fromkeys([*self._wanted(token.grant, fields), "offline_access"]))
        return self.issued(call.base, app, token.grant, scopes)

    def _wanted(self, grant: Grant, fields: Json) -> tuple[str, ...]:
        """The scopes asked for now: those granted, or fewer."""
        wanted = _short(tuple(str(fields.get("scope") or " ".join(grant.scopes)).split()))
        if ".default" in wanted:
            return grant.scopes
        if wrong := [scope for scope in wanted if scope not in grant.scopes and scope not in RESERVED]:
            text = f"The user or administrator has not consented to use the application: {', '.join(wrong)}."
            raise self.refused("invalid_grant", 65001, text, suberror="consent_required")
        return wanted

    def _machine(self, call: Call, app: App, fields: Json) -> Json:
        if call.part("tenant") in _MANY:
            raise self.refused("invalid_request", 50059, "No tenant-identifying information found in either the request or implied by any provided credentials.")  # fmt: skip # noqa: E501 - the vendor's sentence
        if fields.get("scope") != f"{GRAPH}/.default":
            text = f"The provided value for scope {fields.get('scope')} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier."  # fmt: skip # noqa: E501 - likewise
            raise self.refused("invalid_scope", 1002012, text)
        roles: list[str] = (
            app.settings.get("application_permissions", []) if app.settings.get("admin_consented") else []
        )
        grant = self._microsoft.book.grant(app.client_id, "", tuple(roles))
        return self._access(call.base, app, grant, {"roles": roles})

    def _client(self, call: Call, fields: Json) -> App:
        given = call.basic() or (str(fields.get("client_id", "")), str(fields.get("client_secret", "")))
        app = self._microsoft.book.apps.get(given[0])
        if app is None:
            text = f"Application with identifier '{given[0]}' was not found in the directory."
            raise self.refused("unauthorized_client", 700016, text)
        if app.settings.get("spa") and not given[1]:
            return app
        if not app.proves(given[1]):
            raise self.refused("invalid_client", 7000215, "Invalid client secret provided.", 401)
        ends = app.settings.get("secret_expires")
        if ends and iso(parse_iso(str(ends))) <= iso(self._microsoft.world.clock.now()):
            raise self.refused("invalid_client", 7000222, "The provided client secret keys are expired.", 401)
        return app

    def _tenant(self, call: Call) -> str:
        tenant, name = self._microsoft.state.tenant, call.part("tenant")
        if name not in {*_MANY, tenant["id"], tenant["domain"]}:
            raise self.refused("invalid_request", 90002, f"Tenant '{name}' not found.")
        return tenant["id"]


def _short(scopes: tuple[str, ...]) -> tuple[str, ...]:
    """Graph's scopes without its address before them."""
    return tuple(scope.removeprefix(f"{GRAPH}/") for scope in scopes)
