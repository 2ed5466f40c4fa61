"""PURE: requests for a provider that go to a stand-in instead: the operator's say alone, for development and demos.

Where a credential may go is checked against the provider's own name before; what goes to the stand-in bears that name
in `X-Forwarded-Host`, so that the addresses in its answers are the provider's, too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_network

from worksphere_hub.security.addresses import IPNetwork
from worksphere_hub.security.destinations import EgressPolicy, EgressRefused, read_url

_LINE = re.compile(r"(?P<star>\*\.)?(?P<host>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)=(?P<base>\S+)")


class InvalidReroute(ValueError):
    """What was given is no reroute."""


@dataclass(frozen=True, slots=True)
class Rerouted:
    """Where a request goes instead, and what it bears besides."""

    url: str
    headers: Mapping[str, str]


class Reroutes:
    """Which hosts are stood in for, by what."""

    def __init__(self, lines: Iterable[str] = (), allowed_networks: tuple[IPNetwork, ...] = ()) -> None:
        """Each line `host=base URL` or `*.domain=base URL`. Raises InvalidReroute.

        A stand-in whose address is written out is let through, and one in `allowed_networks`.
        """
        self._exact: dict[str, str] = {}
        self._below: dict[str, str] = {}
        for line in lines:
            found = _LINE.fullmatch(line.strip())
            if found is None:
                raise InvalidReroute(f"{line!r} is not like api.example.com=http://127.0.0.1:4100/example.")
            base = found["base"].rstrip("/")
            try:
                read_url(f"{base}/")
            except EgressRefused as refused:
                raise InvalidReroute(f"{line!r}: {refused.detail}") from None
            (self._below if found["star"] else self._exact)[found["host"]] = base
        written = {read_url(f"{base}/").literal for base in (*self._exact.values(), *self._below.values())}
        networks = tuple(ip_network(str(literal)) for literal in written if literal is not None)
        self.policy = EgressPolicy(allowed_networks=(*allowed_networks, *networks))

    def find(self, url: str) -> Rerouted | None:
        """Where a request for `url` goes instead; None if it goes where it says."""
        if not self._exact and not self._below:
            return None
        try:
            host = read_url(url).host
        except EgressRefused:
            return None
        base = self._exact.get(host)
        while base is None and "." in host:
            host = host.partition(".")[2]
            base = self._below.get(host)
        if base is None:
            return None
        scheme, _, rest = url.partition("://")
        at = min((rest.find(mark) for mark in "/?" if mark in rest), default=len(rest))
        return Rerouted(base + rest[at:], {"x-forwarded-host": rest[:at], "x-forwarded-proto": scheme})
