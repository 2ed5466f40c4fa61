"""PURE: the verification call of a manifest: what it asks, and what its answer says about a credential."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from worksphere_hub.connections import scopes
from worksphere_hub.connections.hosts import join, whole
from worksphere_hub.connections.placement import Outgoing
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.declared import form_of
from worksphere_hub.sdk.manifest.api import Api, Verification
from worksphere_hub.sdk.manifest.template import fill


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification said. `code` is None where all is well; `refused`: the credential itself is."""

    code: str | None
    reason: str | None
    refused: bool = False
    account_key: str | None = None
    account_label: str | None = None
    scopes: list[str] | None = None


def request_of(api: Api, verification: Verification, values: Mapping[str, Any]) -> Outgoing:
    """The request. Raises TemplateFailed, HostNotAllowed."""
    path, _, own = fill(verification.path, values).partition("?")
    query = urlencode({name: fill(text, values) for name, text in verification.query.items()}, quote_via=quote)
    base, query = fill(api.base_url, values), "&".join(part for part in (own, query) if part)
    url = whole(base, f"{path}?{query}", str) if "://" in path else join(base, path, query)
    headers = {name.lower(): fill(text, values) for name, text in {**api.headers, **verification.headers}.items()}
    body = None
    if verification.body is not None:
        value = load_expression(verification.body).evaluate({"input": {}, "settings": values.get("settings", {})})
        is_form = verification.encoding == "form"
        body = urlencode(form_of(value)).encode() if is_form else json.dumps(value).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded" if is_form else "application/json")
    headers.setdefault("accept", "application/json")
    return Outgoing(verification.method, url, headers, body)


def verdict(verification: Verification, status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What an answer says; a provider's own fault says nothing about the credential."""
    answer = _decoded(body)
    if status == 429 or status >= 500:
        return Verdict(f"status_{status}", f"The provider answered {status}: it has a fault, or too much to do.")
    if verification.works is None:
        works = 200 <= status < 300
    else:
        works = _truth(verification.works, {"status": status, "body": answer})
    if not works:
        refused = status in {401, 403} or (200 <= status < 300)
        code = "credential_refused" if refused else f"status_{status}"
        return Verdict(code, f"The provider answered {status} and does not take the credential."[:500], refused)
    return Verdict(
        None,
        None,
        account_key=_text(verification.account_key, answer),
        account_label=_text(verification.account_label, answer),
        scopes=scopes.read(_value(verification.scopes, {"headers": dict(headers), "body": answer})),
    )


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _truth(source: str, value: Any) -> bool:
    try:
        return load_expression(source).truth(value)
    except ExpressionFailed:
        return False


def _value(source: str | None, value: Any) -> Any:
    if source is None:
        return None
    try:
        return load_expression(source).evaluate(value)
    except ExpressionFailed:
        return None


def _text(source: str | None, answer: Any) -> str | None:
    found = _value(source, answer)
    if isinstance(found, bool) or not isinstance(found, str | int):
        return None
    text = "".join(each for each in str(found) if each.isprintable())
    return text[:300] or None
