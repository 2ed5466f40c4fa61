"""PURE: the hosts that an integration may talk to: which pattern covers which address.

A pattern is a host (`api.example.com`), all hosts below one (`*.example.com`), or either with settings in it
(`${settings.region}.example.com`). One that is a single setting and nothing else (`${settings.base_url}`) may be
filled with a whole URL, whose host it then stands for. A pattern without a port covers the scheme's own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from worksphere_hub.sdk.manifest.template import TemplateFailed, fill, names

_NAME = re.compile(r"\$\{[^}]*\}")
_WHOLE = re.compile(r"\$\{[^}]*\}\Z")
_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>(?:\$\{[^}]*\}|[^/?#$])+)(?:[/?#]|\Z)", re.IGNORECASE)
_HOST = re.compile(
    r"(?P<star>\*\.)?(?P<host>[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*)"
    r"(?::(?P<port>\d{1,5}))?\Z"
)
_PORTS = {"https": ":443", "http": ":80"}


def is_pattern(text: str) -> bool:
    """Whether a text can stand among the hosts. Everything below a top-level domain is not a bound."""
    found = _HOST.match(_NAME.sub("x", text).lower())
    return found is not None and (not found["star"] or "." in found["host"])


def authority(url: str) -> str | None:
    """The host of a URL with names in it, and its port unless it is the scheme's own; None if the text has none."""
    found = _URL.match(url)
    if found is None or "@" in found["authority"]:
        return None
    text = found["authority"].lower()
    if not _HOST.match(_NAME.sub("x", text)) or text.startswith("*"):
        return None
    return text.removesuffix(_PORTS[found["scheme"].lower()])


def covers(pattern: str, host: str) -> bool:
    """Whether a pattern covers a host (and port) whatever the names in both are filled with."""
    pattern, host = pattern.lower(), host.lower()
    if not pattern.startswith("*."):
        return pattern == host
    suffix = pattern[1:]
    # What stands after the last name in the host is there for certain; of a name, anything may come out.
    certain = host if "${" in suffix else _NAME.split(host)[-1]
    return certain.endswith(suffix) and host != suffix


def is_covered(patterns: Iterable[str], url: str) -> bool | None:
    """Whether one of the patterns covers a URL; None where only its filling in will tell."""
    whole = _WHOLE.match(url.partition("/")[0]) if url.startswith("${") else None
    if whole is not None:
        return None if whole[0].startswith("${captured.") else whole[0] in set(patterns)
    return any(covers(pattern, host) for pattern in patterns for host in _spellings(url))


def allowed(patterns: Sequence[str], values: Mapping[str, Any], url: str) -> bool:
    """Whether a complete URL may be called: the patterns are filled in with `values` (`{"settings": ...}`).

    This is the check that counts, made of every call before a credential goes with it.
    """
    hosts = _spellings(url)
    return not any("${" in host for host in hosts) and any(
        covers(filled, host) for filled in _filled(patterns, values) for host in hosts
    )


def _spellings(url: str) -> Sequence[str]:
    """The host of a URL as patterns may name it: a scheme's own port may stand there or not."""
    host = authority(url)
    if host is None:
        return ()
    return (host,) if _has_port(host) else (host, host + _PORTS[url.partition(":")[0].lower()])


def _filled(patterns: Sequence[str], values: Mapping[str, Any]) -> Iterable[str]:
    for pattern in patterns:
        try:
            text = fill(pattern, values).lower()
        except TemplateFailed:
            continue
        if _WHOLE.match(pattern) and names(pattern) and "://" in text:
            text = urlsplit(text).netloc
        # A setting such as `evil.example/` must not make a host of what stands before its slash.
        if _HOST.match(text) and is_pattern(text):
            yield text


def _has_port(host: str) -> bool:
    # Names hold no colon, so that a colon begins a port.
    return ":" in host
