"""PURE: what an endpoint's configuration may be, checked as a whole."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.events import grammar
from worksphere_hub.expressions.compile import compile_expression
from worksphere_hub.security.encrypted_body import read_receiver_key
from worksphere_hub.security.headers import header_problem
from worksphere_hub.webhooks.destinations.catalogue import read_destination
from worksphere_hub.webhooks.errors import InvalidEndpoint
from worksphere_hub.webhooks.models import Configuration
from worksphere_hub.webhooks.retry import read_policy

MOST_HEADERS = 20
# What a receiver is shown to know the hub by is a credential: sealed, and written into no record.
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OURS = frozenset({"content-type", "content-encoding", "user-agent"})

# What only a request to an address of one's own has.
_URL_ONLY = ("method", "headers", "compression", "batch_size", "batch_wait_ms")
# A message that two sides would have to take apart in different orders, or that no single message id fits.
_PUSH_ONLY = (
    "method",
    "headers",
    "compression",
    "batch_size",
    "batch_wait_ms",
    "retry_policy",
    "rate_limit",
    "concurrency",
    "ordering",
    "on_exhausted",
)


def merged(before: Configuration, given: Mapping[str, Any]) -> Configuration:
    """A configuration with some fields changed. Raises InvalidEndpoint, which names every field that is wrong."""
    wanted = replace(before, **{name: _frozen(value) for name, value in given.items()})
    problems = [*_problems(wanted), *_conflicts(wanted)]
    if problems:
        raise InvalidEndpoint(f"{problems[0].field} {problems[0].message}.", problems=problems)
    return wanted


def _frozen(value: Any) -> Any:
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value


def _problems(wanted: Configuration) -> list[FieldProblem]:
    found = [
        FieldProblem(f"event_types.{index}", grammar.PATTERN_RULE)
        for index, pattern in enumerate(wanted.event_types)
        if not grammar.is_pattern(pattern)
    ]
    found += [
        FieldProblem(f"channels.{index}", "must have 1 to 64 letters, digits, _ . : or -")
        for index, name in enumerate(wanted.channels or ())
        if not grammar.is_channel(name)
    ]
    found += _header_problems(wanted.headers or {})
    if wanted.filter is not None:
        found += _told("filter", compile_expression, wanted.filter)
    if wanted.transform is not None:
        found += _told("transform", compile_expression, wanted.transform)
    if wanted.encryption_key is not None:
        found += _told("encryption_key", read_receiver_key, wanted.encryption_key)
    if wanted.retry_policy is not None:
        found += _told("retry_policy", read_policy, wanted.retry_policy)
    return found


def _conflicts(wanted: Configuration) -> list[FieldProblem]:
    found: list[FieldProblem] = []
    if wanted.kind == "pull":
        found += [
            FieldProblem(name, "is for endpoints that are sent to; this one is a pull endpoint")
            for name in ("url", "destination", *_PUSH_ONLY)
            if getattr(wanted, name) != getattr(Configuration(), name) and getattr(wanted, name) != {}
        ]
    elif wanted.destination is not None:
        found += _destination_conflicts(wanted, wanted.destination)
    elif wanted.url is None:
        found.append(FieldProblem("url", "is missing; only a pull endpoint, or one with a destination, has none"))
    if wanted.thin and wanted.transform is not None:
        found.append(FieldProblem("thin", "leaves no data for the transform to work on; choose one of the two"))
    if wanted.encryption_key is not None and wanted.compression is not None:
        found.append(FieldProblem("compression", "gains nothing on an encrypted body; choose one of the two"))
    if wanted.ordering != "none" and wanted.batch_size > 1:
        found.append(FieldProblem("batch_size", "must be 1 for an endpoint that keeps order: one goes after the other"))
    if wanted.on_exhausted == "block" and wanted.ordering == "none":
        found.append(FieldProblem("on_exhausted", "can be block only where order is kept; there is nothing to block"))
    return found


def _destination_conflicts(wanted: Configuration, destination: dict[str, Any]) -> list[FieldProblem]:
    found = [
        FieldProblem(name, f"is for endpoints with a url; this one's messages go to {destination.get('kind')}")
        for name in ("url", *_URL_ONLY)
        if getattr(wanted, name) != getattr(Configuration(), name) and getattr(wanted, name) != {}
    ]
    try:
        read = read_destination(destination)
    except InvalidEndpoint as error:
        return [*found, *error.problems]
    if wanted.encryption_key is not None and not read.takes_text:
        found.append(FieldProblem("encryption_key", "makes a text of the message; this destination takes JSON alone"))
    return found


def _header_problems(headers: Mapping[str, str]) -> list[FieldProblem]:
    if len(headers) > MOST_HEADERS:
        return [FieldProblem("headers", f"are {len(headers)}; at most {MOST_HEADERS} can be set")]
    found: list[FieldProblem] = []
    for name, value in headers.items():
        if name.lower() in _CREDENTIALS:
            found.append(FieldProblem(f"headers.{name}", "is a credential; set it with auth, where it is sealed"))
        elif name.lower() in _OURS:
            found.append(FieldProblem(f"headers.{name}", "is set by the hub"))
        elif problem := header_problem(name, value):
            found.append(FieldProblem(f"headers.{name}", problem))
    if len({name.lower() for name in headers}) < len(headers):
        found.append(FieldProblem("headers", "has the same name twice"))
    return found


def _told(field: str, read: Any, value: object) -> list[FieldProblem]:
    """What the reader of a field has to say against its value."""
    try:
        read(value)
    except HubError as error:
        return [FieldProblem(field, str(error).rstrip("."))]
    return []
