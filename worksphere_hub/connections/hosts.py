"""PURE: which hosts a credential may be sent to.

A manifest's hosts are exact names or `*.example.com`, with a port where it is not the scheme's own. What an instance's
settings fill in is an exact name: a setting cannot widen the list, and decides by itself where a secret goes only if
the secret is the same organization's.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from worksphere_hub.connections.errors import HostNotAllowed
from worksphere_hub.sdk.manifest.template import TemplateFailed, fill, names
from worksphere_hub.security.destinations import Destination, EgressRefused, read_url

_PATTERN = re.compile(
    r"(\*\.)?((?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?::(\d{1,5}))?"
)
_IPV6 = re.compile(r"(\[[0-9a-f:.]+\])(?::(\d{1,5}))?")
_WHOLE = re.compile(r"\$\{[^}]*\}")
_STANDARD_PORTS = {"https": 443, "http": 80}


class Hosts:
    """The hosts of one instance: `require` a URL before anything secret goes there."""

    __slots__ = ("_exact", "_suffixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        """`patterns` are filled; one that cannot be read allows nothing."""
        self._exact: set[tuple[str, int | None]] = set()
        self._suffixes: set[tuple[str, int | None]] = set()
        for pattern in patterns:
            self._add(pattern.lower())

    def _add(self, pattern: str) -> None:
        if found := _IPV6.fullmatch(pattern):
            self._exact.add((found[1].strip("[]"), int(found[2]) if found[2] else None))
        elif found := _PATTERN.fullmatch(pattern):
            # `*.com` would be everybody: a wildcard stands before at least two labels.
            if found[1] and "." not in found[2]:
                return
            (self._suffixes if found[1] else self._exact).add((found[2], int(found[3]) if found[3] else None))

    def require(self, url: str) -> Destination:
        """The URL taken apart, if a credential may go there. Raises HostNotAllowed."""
        try:
            destination = read_url(url)
        except EgressRefused as refused:
            raise HostNotAllowed(refused.detail) from None
        if not self._allows(destination):
            raise HostNotAllowed(f"The host {destination.host} is not among the hosts of the integration's manifest.")
        return destination

    def require_host(self, host: str) -> None:
        """The same where HTTP is not spoken; the port is for the egress policy. Raises HostNotAllowed."""
        if not any(host.lower() == each for each, _ in self._exact):
            raise HostNotAllowed(f"The host {host} is not among the hosts of the integration's manifest.")

    def _allows(self, destination: Destination) -> bool:
        port = None if destination.port == _STANDARD_PORTS[destination.scheme] else destination.port
        ports = {port, destination.port}
        if any((destination.host, each) in self._exact for each in ports):
            return True
        return any(destination.host.endswith(f".{suffix}") for suffix, wanted in self._suffixes if wanted in ports)


def hosts_of(templates: Iterable[str], values: Mapping[str, Any], *, fixed_only: bool = False) -> Hosts:
    """The hosts of a manifest, filled. With `fixed_only` those that no setting has a say in.

    A secret of the integration's owner (a client that all organizations share) goes to those alone: settings are the
    tenant's, who could name a host of his own.
    """
    patterns: list[str] = []
    for template in templates:
        named = names(template)
        if named and fixed_only:
            continue
        try:
            pattern = fill(template, values)
        except TemplateFailed:
            continue
        if named and "*" in pattern and "*" not in template:
            continue
        if _WHOLE.fullmatch(template) and "://" in pattern:
            # A setting that is a whole URL stands for its host.
            pattern = urlsplit(pattern).netloc
        patterns.append(pattern)
    return Hosts(patterns)


def join(base: str, path: str, query: str = "") -> str:
    """A URL under a base, whatever the path looks like. Raises HostNotAllowed for a path that would climb out."""
    path = path.lstrip("/")
    # A server may decode once more than we do before it resolves the dots.
    for segment in re.split(r"[/\\]", unquote(unquote(path))):
        if segment in {".", ".."}:
            raise HostNotAllowed("The path has a `.` or `..` segment. Write the path that is meant.")
    if any(character in path for character in "\\#?") or not path.isascii():
        raise HostNotAllowed("The path holds a backslash, `#`, `?` or a character that is not ASCII; encode it.")
    url = f"{base.rstrip('/')}/{path}"
    return f"{url}?{query}" if query else url


def whole(base: str, url: str, without: Callable[[str], str]) -> str:
    """A whole URL that a provider named, its query passed through `without`. Whether it may be called is for `Hosts`.

    Raises HostNotAllowed for one that is less well protected than the base.
    """
    address, _, query = url.partition("#")[0].partition("?")
    if base.lower().startswith("https:") and not address.lower().startswith("https:"):
        raise HostNotAllowed("The API is called over https only, and so is every address that it names.")
    kept = without(query)
    return f"{address}?{kept}" if kept else address
