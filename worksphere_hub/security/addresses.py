"""Which addresses the hub never connects to, each with the document that makes it special.

The table is explicit because `ipaddress.is_global` is no filter: it lets multicast, 6to4, NAT64 and others
pass, and changes with the Python version. It holds the IANA special-purpose registries for IPv4 and IPv6, the
multicast and reserved ranges, and the addresses at which clouds hand credentials to whoever asks from inside.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address
IPNetwork = IPv4Network | IPv6Network

# The first match gives the reason, so the narrow ones stand before the wide ones that hold them.
_IPV4 = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("169.254.169.254/32", "a cloud's metadata service (link-local, RFC 3927)"),
        ("169.254.170.2/32", "a container's credential service (link-local, RFC 3927)"),
        ("168.63.129.16/32", "Azure's platform channel"),
        ("100.100.100.200/32", "a cloud's metadata service (shared address space, RFC 6598)"),
        ("192.0.0.192/32", "a cloud's metadata service (IETF assignments, RFC 6890)"),
        ("0.0.0.0/8", "this host on this network (RFC 1122)"),
        ("10.0.0.0/8", "private (RFC 1918)"),
        ("100.64.0.0/10", "shared address space of carriers (RFC 6598)"),
        ("127.0.0.0/8", "loopback (RFC 1122)"),
        ("169.254.0.0/16", "link-local (RFC 3927)"),
        ("172.16.0.0/12", "private (RFC 1918)"),
        ("192.0.0.0/24", "IETF protocol assignments (RFC 6890)"),
        ("192.0.2.0/24", "documentation (RFC 5737)"),
        ("192.31.196.0/24", "AS112 DNS sink (RFC 7535)"),
        ("192.52.193.0/24", "multicast tunnelling, AMT (RFC 7450)"),
        ("192.88.99.0/24", "6to4 relays, deprecated (RFC 7526)"),
        ("192.168.0.0/16", "private (RFC 1918)"),
        ("192.175.48.0/24", "AS112 DNS sink (RFC 7534)"),
        ("198.18.0.0/15", "benchmarking (RFC 2544)"),
        ("198.51.100.0/24", "documentation (RFC 5737)"),
        ("203.0.113.0/24", "documentation (RFC 5737)"),
        ("224.0.0.0/4", "multicast (RFC 5771)"),
        ("255.255.255.255/32", "broadcast (RFC 919)"),
        ("240.0.0.0/4", "reserved (RFC 1112)"),
    )
)

_IPV6 = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("fd00:ec2::254/128", "a cloud's metadata service (unique local, RFC 4193)"),
        ("fd00:ec2::23/128", "a container's credential service (unique local, RFC 4193)"),
        ("fd20:ce::254/128", "a cloud's metadata service (unique local, RFC 4193)"),
        ("::/128", "unspecified (RFC 4291)"),
        ("::1/128", "loopback (RFC 4291)"),
        ("::/96", "IPv4-compatible, deprecated (RFC 4291)"),
        ("::ffff:0:0:0/96", "IPv4-translated (RFC 2765)"),
        ("64:ff9b:1::/48", "local-use NAT64 (RFC 8215)"),
        ("100::/64", "discard-only (RFC 6666)"),
        ("100:0:0:1::/64", "dummy prefix (RFC 9780)"),
        ("2001::/32", "Teredo (RFC 4380)"),
        ("2001:2::/48", "benchmarking (RFC 5180)"),
        ("2001:10::/28", "ORCHID, deprecated (RFC 4843)"),
        ("2001:20::/28", "ORCHIDv2 (RFC 7343)"),
        ("2001::/23", "IETF protocol assignments (RFC 2928)"),
        ("2001:db8::/32", "documentation (RFC 3849)"),
        ("2002::/16", "6to4 (RFC 3056)"),
        ("2620:4f:8000::/48", "AS112 DNS sink (RFC 7534)"),
        ("3ffe::/16", "6bone, returned (RFC 3701)"),
        ("3fff::/20", "documentation (RFC 9637)"),
        ("5f00::/16", "segment routing identifiers (RFC 9602)"),
        ("fc00::/7", "unique local (RFC 4193)"),
        ("fe80::/10", "link-local (RFC 4291)"),
        ("fec0::/10", "site-local, deprecated (RFC 3879)"),
        ("ff00::/8", "multicast (RFC 4291)"),
    )
)

# Addresses that lead to the IPv4 address in their last four bytes: that one decides.
_CARRIERS = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))
_GLOBAL_UNICAST = IPv6Network("2000::/3")
# The upper half of an ISATAP interface id (RFC 5214), its universal bit aside; the lower half is IPv4.
_ISATAP = 0x0000_5EFE
_UNIVERSAL_BIT = 0x0200_0000


def refusal(ip: IPAddress, allowed: tuple[IPNetwork, ...] = ()) -> str | None:
    """Why the hub must not connect to this address, None when it may; `allowed` overrides the table."""
    if is_allowed(ip, allowed):
        return None
    if isinstance(ip, IPv4Address):
        return next((reason for network, reason in _IPV4 if ip in network), None)
    embedded = _carried(ip)
    if embedded is not None:
        return refusal(embedded, allowed)
    return next((reason for network, reason in _IPV6 if ip in network), None) or _odd_unicast(ip)


def is_allowed(ip: IPAddress, allowed: tuple[IPNetwork, ...]) -> bool:
    """Whether the operator opened this address, written plainly or carried in an IPv6 one."""
    if any(ip in network for network in allowed):
        return True
    embedded = _carried(ip) if isinstance(ip, IPv6Address) else None
    return embedded is not None and is_allowed(embedded, allowed)


def _carried(ip: IPv6Address) -> IPv4Address | None:
    if any(ip in network for network in _CARRIERS):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


def _odd_unicast(ip: IPv6Address) -> str | None:
    if ip not in _GLOBAL_UNICAST:
        return "not assigned as global unicast (RFC 4291)"
    if (int(ip) >> 32) & 0xFFFF_FFFF & ~_UNIVERSAL_BIT == _ISATAP:
        return "an ISATAP tunnel into an IPv4 site (RFC 5214)"
    return None
