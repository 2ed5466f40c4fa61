"""Where a request may go: URLs read strictly, and the policy that decides on scheme, port and addresses."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from pyreqwest.http import Url

from worksphere_hub.errors import FieldProblem, HubError
from worksphere_hub.security.addresses import IPAddress, IPNetwork, is_allowed, refusal

LONGEST_URL = 8192

Reason = Literal["syntax", "scheme", "userinfo", "port", "unresolvable", "address", "proxy"]

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^#]*)")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-\u0080-\U0010ffff]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class EgressRefused(HubError):
    """The hub does not send to this URL."""

    code = "egress_refused"
    status = 422

    def __init__(self, reason: Reason, what: str) -> None:
        """`reason` is a stable word; `what` never names the address behind a host."""
        super().__init__(what, problems=[FieldProblem("url", what)])
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class Destination:
    """A URL taken apart as the client will use it; `literal` is set when the host is itself an address."""

    scheme: str
    host: str
    port: int
    literal: IPAddress | None
    url: Url


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What the operator lets out; inside `allowed_networks` a destination may use any port, and http."""

    allowed_networks: tuple[IPNetwork, ...] = ()
    allow_http: bool = False
    ports: frozenset[int] | None = frozenset({443, 80, 8443})
    # Those of what does not speak HTTP.
    direct_ports: frozenset[int] = frozenset({3306, 5432})

    def check_route(self, destination: Destination) -> None:
        """Refuse a scheme or port that is not open. Raises EgressRefused."""
        if destination.scheme == "http" and not self.allow_http:
            raise EgressRefused("scheme", "The URL must start with https://.")
        if self.ports is not None and destination.port not in self.ports:
            listed = ", ".join(str(port) for port in sorted(self.ports))
            raise EgressRefused("port", f"Port {destination.port} is not open. Use one of: {listed}.")

    def admit(self, destination: Destination, addresses: Sequence[IPAddress]) -> None:
        """Refuse the destination when any address behind it is forbidden. Raises EgressRefused."""
        if not self._admitted(addresses):
            self.check_route(destination)

    def admit_direct(self, port: int, addresses: Sequence[IPAddress]) -> None:
        """The same for a connection that does not speak HTTP. Raises EgressRefused."""
        if not self._admitted(addresses) and port not in self.direct_ports:
            listed = ", ".join(str(each) for each in sorted(self.direct_ports))
            raise EgressRefused("port", f"Port {port} is not open. Use one of: {listed}.")

    def _admitted(self, addresses: Sequence[IPAddress]) -> bool:
        """Whether all addresses are in networks that are let through, whatever the port. Raises EgressRefused."""
        # Any, not the one we would pick: who controls the name controls which answer comes first.
        for ip in addresses:
            reason = refusal(ip, self.allowed_networks)
            if reason is not None:
                raise EgressRefused("address", f"The host leads to an address that is not public: {reason}.")
        return all(is_allowed(ip, self.allowed_networks) for ip in addresses)


def read_url(text: str) -> Destination:
    """Take a URL apart, refusing whatever two parsers could read differently. Raises EgressRefused.

    The host is what the HTTP client itself makes of the text, so what is checked is what is connected to.
    """
    scheme, authority = _split(text)
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise EgressRefused("syntax", "The host or port cannot be read. Write https://host/ or https://host:port/.")
    try:
        url = Url(text)
    except ValueError:
        raise EgressRefused("syntax", "The URL's host is no valid name or address.") from None
    port = int(match[2] or _DEFAULT_PORTS[scheme])
    if not 0 < port < 65536:
        raise EgressRefused("port", "A port is a number from 1 to 65535.")
    host = (url.host_str or "").strip("[]")
    if url.scheme != scheme or url.port_or_known_default != port:
        raise EgressRefused("syntax", "The URL can be read in more than one way.")
    return Destination(scheme, host, port, _literal(host), url)


def read_host(text: str) -> tuple[str, IPAddress | None]:
    """A host's name, or the address that it is, without brackets. Raises EgressRefused."""
    host = text.lower()
    return host, _literal(host)


def _split(text: str) -> tuple[str, str]:
    if not text or len(text) > LONGEST_URL:
        raise EgressRefused("syntax", f"A URL has 1 to {LONGEST_URL} characters.")
    # Controls, spaces of any kind, invisible and unpaired code points; and the backslash, to some a slash.
    if "\\" in text or any(unicodedata.category(character)[0] in "CZ" for character in text):
        raise EgressRefused("syntax", "A URL holds no spaces, control characters or backslashes.")
    match = _URL.fullmatch(text)
    if match is None:
        raise EgressRefused("syntax", "A URL reads https://host/path, without a # part.")
    scheme, authority = match[1].lower(), match[2]
    if scheme not in _DEFAULT_PORTS:
        raise EgressRefused("scheme", "The URL must start with https://.")
    if "@" in authority:
        raise EgressRefused("userinfo", "A URL holds no user name or password. Send credentials in a header.")
    return scheme, authority


def _literal(host: str) -> IPAddress | None:
    try:
        return ip_address(host)
    except ValueError:
        pass
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise EgressRefused("syntax", "The URL's host is no valid name or address.")
    return None
