"""PURE: how a credential gets into a request, for every way of authorizing."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from worksphere_hub.connections.errors import CredentialUnusable
from worksphere_hub.connections.signature import signed_values
from worksphere_hub.sdk.manifest.auth import AuthMethod, Basic, Bearer, Custom, NoAuth, Placement
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill
from worksphere_hub.security.headers import CONNECTION_HEADERS

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}")
_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_LONGEST = 16_384


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request on its way to the provider; header names in lower case."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


def place(way: AuthMethod, request: Outgoing, values: Mapping[str, Any], now: float) -> Outgoing:
    """The request with the credential in it. What the caller put where a credential goes is replaced.

    Raises CredentialUnusable when a part is missing or would break the request.
    """
    if isinstance(way, NoAuth):
        return request
    if isinstance(way, Custom) and way.signature is not None:
        target = urlsplit(request.url)
        about = {"method": request.method, "path": target.path or "/", "query": target.query}
        values = {**values, **signed_values(way.signature, values, about, request.body or b"", now)}
    headers = dict(request.headers)
    parameters: dict[str, str] = {}
    headers |= dict(_own(way, values))
    for placement in way.place:
        value = _filled(placement, values)
        if placement.where == "header":
            headers[_header_name(placement.name)] = _header_value(placement.name, value)
        else:
            parameters[placement.name] = value
    return replace(request, url=_with_query(request.url, parameters), headers=headers)


def placed_headers(way: AuthMethod) -> frozenset[str]:
    """The headers in which a credential of this kind travels, in lower case."""
    own = {"authorization"} if isinstance(way, Basic | Bearer) else set[str]()
    placements = () if isinstance(way, NoAuth) else way.place
    return frozenset(own | {each.name.lower() for each in placements if each.where == "header"})


def placed_parameters(way: AuthMethod) -> frozenset[str]:
    """The query parameters in which a credential of this kind travels."""
    placements = () if isinstance(way, NoAuth) else way.place
    return frozenset(each.name for each in placements if each.where == "query")


def _own(way: AuthMethod, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """The header that the kind itself stands for, unless the manifest places it somewhere of its own."""
    if isinstance(way, NoAuth) or any(each.name.lower() == "authorization" for each in way.place):
        return ()
    try:
        if isinstance(way, Basic):
            pair = f"{fill(way.username, values)}:{fill(way.password, values)}"
            return (("authorization", f"Basic {base64.b64encode(pair.encode()).decode()}"),)
        if isinstance(way, Bearer):
            return (("authorization", _header_value("authorization", f"Bearer {fill(way.token, values)}")),)
    except TemplateFailed as failed:
        raise CredentialUnusable(f"The credential has no value for {failed.name}.") from None
    return ()


def _filled(placement: Placement, values: Mapping[str, Any]) -> str:
    try:
        return fill(placement.value, values)
    except TemplateFailed as failed:
        raise CredentialUnusable(f"The credential has no value for {failed.name}.") from None


def _header_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.lower() in CONNECTION_HEADERS:
        raise CredentialUnusable("The manifest places the credential in a header that cannot be set.")
    return name.lower()


def _header_value(name: str, value: str) -> str:
    # Whoever enters a line break would otherwise write headers of his own.
    if len(value) > _LONGEST or not _VALUE.fullmatch(value):
        raise CredentialUnusable(f"The credential for {name} holds line breaks or characters that no header takes.")
    return value


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    if not parameters:
        return url
    base, _, query = url.partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in parameters]
    return f"{base}?{'&'.join([*kept, urlencode(parameters, quote_via=quote)])}"
