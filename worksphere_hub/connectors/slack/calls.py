"""How Slack answers: with 200 and `ok: false` for most refusals."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from worksphere_hub.sdk.api import Answer, Api, Request, failure_of
from worksphere_hub.sdk.errors import (
    AuthFailed,
    ConnectorFailed,
    Missing,
    NotPermitted,
    RateLimited,
    Rejected,
    Transient,
    Unexpected,
)

_PAGE = 200
_MEANINGS: Mapping[str, type[ConnectorFailed]] = {
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "org_login_required"),
        AuthFailed,
    ),
    **dict.fromkeys(
        (
            "missing_scope", "not_allowed_token_type", "no_permission", "ekm_access_denied", "access_denied",
            "not_in_channel", "restricted_action", "cant_update_message", "cant_delete_message", "is_archived",
        ),
        NotPermitted,
    ),
    **dict.fromkeys(
        (
            "channel_not_found", "message_not_found", "thread_not_found", "user_not_found", "users_not_found",
            "file_not_found",
        ),
        Missing,
    ),
    **dict.fromkeys(("ratelimited", "rate_limited"), RateLimited),
    **dict.fromkeys(
        ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"), Transient
    ),
}  # fmt: skip


async def call(api: Api, name: str, fields: Mapping[str, Any], *, idempotent: bool = True) -> dict[str, Any]:
    """Call a method by POST, as all of them take; answers its body. Raises ConnectorFailed."""
    given = {key: _written(value) for key, value in fields.items() if value is not None}
    answer = await api.send(Request("POST", f"/{name}", form=given, idempotent=idempotent))
    if not 200 <= answer.status < 300:
        raise failure_of(answer.status, f"Slack answered {answer.status} to {name}.", after=_after(answer))
    found = answer.json()
    if not isinstance(found, dict) or "ok" not in found:
        raise Unexpected(f"Slack's answer to {name} does not say whether it worked.", status=answer.status)
    body = cast("dict[str, Any]", found)
    if not body["ok"]:
        raise _refusal(name, body)
    return body


async def pages(api: Api, name: str, field: str, **fields: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """The pages of a list that goes on by cursor."""
    cursor: str | None = None
    while True:
        body = await call(api, name, {"limit": _PAGE, **fields, "cursor": cursor})
        yield body[field]
        beside: dict[str, str] = body.get("response_metadata") or {}
        cursor = beside.get("next_cursor")
        if not cursor:
            return


def _written(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _after(answer: Answer) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def _refusal(name: str, body: Mapping[str, Any]) -> ConnectorFailed:
    error = str(body.get("error", ""))[:100]
    needed = f" It takes the scope {body['needed']}." if body.get("needed") else ""
    failure = _MEANINGS.get(error, Rejected)
    return failure(f"Slack refused {name}: {error}.{needed}")
