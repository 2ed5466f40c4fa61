"""Manifests that the tests of this room connect with."""

from typing import Any

from pydantic import TypeAdapter

from worksphere_hub.sdk.manifest.auth import AuthMethod, Custom, OAuth2
from worksphere_hub.sdk.manifest.manifest import Manifest

_METHOD = TypeAdapter[AuthMethod](AuthMethod)


def oauth(**given: Any) -> OAuth2:
    """An OAuth 2 method; what a test does not care about is filled in."""
    whole = {
        "type": "oauth2",
        "label": "OAuth",
        "authorize_url": "https://login.example.com/authorize",
        "token_url": "https://login.example.com/token",
        "scopes": {
            "read": {"sentence": "Read things.", "required": True},
            "write": {"sentence": "Change things."},
            "admin": {"sentence": "Rule things.", "default": False},
        },
    }
    method = _METHOD.validate_python(whole | given)
    assert isinstance(method, OAuth2)
    return method


def slack(**given: Any) -> OAuth2:
    """One with a bot's and a user's tokens."""
    user = {name: f"authed_user.{name}" for name in ("access_token", "refresh_token", "expires_in", "scope")}
    return oauth(
        scope_separator=",",
        scopes={
            "chat:write": {"sentence": "Write.", "slot": "main"},
            "users:read": {"sentence": "Read.", "slot": "main"},
            "search:read": {"sentence": "Search.", "slot": "user"},
        },
        slots={"main": {}, "user": {**user, "scope_parameter": "user_scope"}},
        errors={"refused": "ok = false", "dead": ["token_revoked"]},
        capture={"team": "team.id"},
        **given,
    )


def method(**given: Any) -> Any:
    """Any other method."""
    return _METHOD.validate_python({"label": "Method", **given})


def custom(**given: Any) -> Custom:
    """A custom one."""
    made = method(type="custom", **given)
    assert isinstance(made, Custom)
    return made


def manifest(**given: Any) -> Manifest:
    """A whole manifest."""
    whole = {
        "slug": "example",
        "name": "Example",
        "version": "1.0.0",
        "category": "api",
        "summary": "An example.",
        "hosts": ["login.example.com", "api.example.com"],
        "auth": {"oauth": oauth().model_dump(mode="json")},
        "api": {"base_url": "https://api.example.com/v1"},
    }
    return Manifest.model_validate(whole | given)
