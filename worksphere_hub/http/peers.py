"""PURE: whether the other end of a connection is a proxy that is trusted."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

EVERYBODY = "*"


def is_trusted(peer: object, trusted: Iterable[str]) -> bool:
    """Whether `peer`, the address of the connection itself, is one of the addresses or networks in `trusted`.

    Not the client that a proxy names in X-Forwarded-For: this is about who may name one.
    """
    if not isinstance(peer, str):
        return False
    names = [text.strip() for text in trusted]
    if EVERYBODY in names or peer in names:
        return True
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in map(_network, names) if network is not None)


def _network(name: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(name)
    except ValueError:
        return None  # a name of another kind, such as a socket's
