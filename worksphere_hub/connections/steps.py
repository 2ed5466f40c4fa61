"""PURE: the declared steps of a custom exchange: each a request, and what is kept of its answer."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.connections.placement import Outgoing
from worksphere_hub.connections.token_answer import TokenRefused, lifetime, parse
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk.manifest.auth import Custom, Step
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill


def step_request(step: Step, values: Mapping[str, Any]) -> Outgoing:
    """The request of a step. Raises CredentialUnusable."""
    try:
        url = fill(step.url, values)
        headers = {name.lower(): fill(text, values) for name, text in step.headers.items()}
        query = {name: fill(text, values) for name, text in step.query.items()}
        form = None if step.form is None else {name: fill(text, values) for name, text in step.form.items()}
        members = None if step.json_body is None else {n: fill(text, values) for n, text in step.json_body.items()}
    except TemplateFailed as failed:
        raise CredentialUnusable(f"The step {step.name} has no value for {failed.name}.") from None
    body = None
    if form is not None:
        body = urlencode(form, quote_via=quote).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    elif members is not None:
        body = json.dumps(members).encode()
        headers.setdefault("content-type", "application/json")
    headers.setdefault("accept", "application/json")
    if query:
        url = f"{url}{'&' if '?' in url else '?'}{urlencode(query, quote_via=quote)}"
    return Outgoing(step.method, url, headers, body)


def read_step(step: Step, status: int, body: bytes) -> dict[str, Any]:
    """What a step captured. Raises TokenRefused when it did not work."""
    answer = parse(body) or {}
    if status == 429 or status >= 500:
        raise TokenRefused("transient", f"status_{status}", status)
    if not 200 <= status < 300 or not _worked(step, answer):
        raise TokenRefused("dead" if status < 300 or status in {400, 401, 403} else "ours", f"step_{step.name}", status)
    captured: dict[str, Any] = {}
    for name, source in step.capture.items():
        try:
            value = load_expression(source).evaluate(answer)
        except ExpressionFailed:
            value = None
        if value is None:
            raise TokenRefused("ours", f"step_{step.name}_without_{name}"[:60], status)
        captured[name] = value
    return captured


def captured_for(way: Custom, last_answer: bytes) -> float | None:
    """How long what the steps captured may be used, in seconds; None: until it is refused."""
    if way.expires_in is None:
        return way.lifetime_seconds
    try:
        said = load_expression(way.expires_in).evaluate(parse(last_answer) or {})
    except ExpressionFailed:
        said = None
    return lifetime(said, way.lifetime_seconds)


def _worked(step: Step, answer: Mapping[str, Any]) -> bool:
    if step.worked is None:
        return True
    try:
        return load_expression(step.worked).truth(answer)
    except ExpressionFailed:
        return False
