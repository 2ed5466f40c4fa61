from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.security import addresses
from worksphere_hub.security.addresses import is_allowed, refusal

FORBIDDEN = """
0.0.0.0 RFC 1122                     0.0.0.1 RFC 1122                    0.255.255.255 RFC 1122
10.0.0.0 RFC 1918                    10.0.0.1 RFC 1918                   10.255.255.255 RFC 1918
100.64.0.0 RFC 6598                  100.100.100.200 metadata            100.127.255.255 RFC 6598
127.0.0.0 loopback                   127.0.0.1 loopback                  127.1.2.3 loopback
127.255.255.255 loopback             168.63.129.16 Azure                 169.254.0.0 link-local
169.254.1.1 link-local               169.254.169.253 link-local          169.254.169.254 metadata
169.254.170.2 credential             169.254.255.255 link-local          172.16.0.0 RFC 1918
172.16.0.1 RFC 1918                  172.31.255.255 RFC 1918             192.0.0.0 RFC 6890
192.0.0.8 RFC 6890                   192.0.0.9 RFC 6890                  192.0.0.170 RFC 6890
192.0.0.192 metadata                 192.0.0.255 RFC 6890                192.0.2.0 RFC 5737
192.0.2.255 RFC 5737                 192.31.196.1 RFC 7535               192.52.193.1 RFC 7450
192.88.99.1 RFC 7526                 192.88.99.255 RFC 7526              192.168.0.0 RFC 1918
192.168.1.1 RFC 1918                 192.168.255.255 RFC 1918            192.175.48.1 RFC 7534
198.18.0.0 RFC 2544                  198.18.0.1 RFC 2544                 198.19.255.255 RFC 2544
198.51.100.0 RFC 5737                198.51.100.255 RFC 5737             203.0.113.0 RFC 5737
203.0.113.255 RFC 5737               224.0.0.0 multicast                 224.0.0.1 multicast
224.0.0.251 multicast                233.252.0.1 multicast               239.255.255.250 multicast
239.255.255.255 multicast            240.0.0.0 reserved                  250.1.2.3 reserved
255.255.255.254 reserved             255.255.255.255 broadcast
:: unspecified                       ::1 loopback                        ::2 IPv4-compatible
::10.0.0.1 IPv4-compatible           ::127.0.0.1 IPv4-compatible         ::8.8.8.8 IPv4-compatible
::ffff:0:127.0.0.1 IPv4-translated   ::ffff:0:8.8.8.8 IPv4-translated    ::ffff:0.0.0.0 RFC 1122
::ffff:10.0.0.1 RFC 1918             ::ffff:127.0.0.1 loopback           ::ffff:7f00:1 loopback
::ffff:169.254.169.254 metadata      ::ffff:192.168.0.1 RFC 1918         ::ffff:100.64.0.1 RFC 6598
::ffff:224.0.0.1 multicast           ::ffff:255.255.255.255 broadcast    64:ff9b::7f00:1 loopback
64:ff9b::a00:1 RFC 1918              64:ff9b::a9fe:a9fe metadata         64:ff9b::c0a8:101 RFC 1918
64:ff9b::e000:1 multicast            64:ff9b:1:: RFC 8215                64:ff9b:1::808:808 RFC 8215
64:ff9b:1:ffff:ffff:ffff:ffff:ffff RFC 8215                              64:ff9b:2::1 unicast
100:: RFC 6666                       100::1 RFC 6666                     100:0:0:1::1 RFC 9780
100:0:0:2::1 unicast                 200::1 unicast                      400::1 unicast
1000::1 unicast                      1fff:ffff::1 unicast                2001:: Teredo
2001::1 Teredo                       2001:0:7f00:1::1 Teredo             2001:1::1 RFC 2928
2001:2::1 RFC 5180                   2001:3::1 RFC 2928                  2001:4:112::1 RFC 2928
2001:5::1 RFC 2928                   2001:10::1 RFC 4843                 2001:1f:ffff::1 RFC 4843
2001:20::1 RFC 7343                  2001:30::1 RFC 2928                 2001:1ff:ffff::1 RFC 2928
2001:db8:: RFC 3849                  2001:db8::1 RFC 3849                2001:db8:ffff:ffff::1 RFC 3849
2002:: 6to4                          2002:7f00:1::1 6to4                 2002:a9fe:a9fe::1 6to4
2002:808:808::1 6to4                 2002:ffff::1 6to4                   2620:4f:8000::1 RFC 7534
3ffe::1 RFC 3701                     3fff::1 RFC 9637                    3fff:fff:ffff::1 RFC 9637
4000::1 unicast                      5f00::1 RFC 9602                    5f00:ffff::1 RFC 9602
6000::1 unicast                      8000::1 unicast                     e000::1 unicast
f000::1 unicast                      fc00::1 RFC 4193                    fcff::1 RFC 4193
fd00::1 RFC 4193                     fd00:ec2::23 credential             fd00:ec2::254 metadata
fd20:ce::254 metadata                fdff:ffff::1 RFC 4193               fe00::1 unicast
fe80:: link-local                    fe80::1 link-local                  febf:ffff::1 link-local
fec0:: site-local                    fec0::1 site-local                  feff::1 site-local
ff00::1 multicast                    ff02::1 multicast                   ff0e::1 multicast
ffff::1 multicast                    2a00:1450::5efe:10.0.0.1 ISATAP     2a00:1450::200:5efe:7f00:1 ISATAP
fe80::1%eth0 link-local              ::1%lo loopback
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 99.255.255.255 100.63.255.255 100.128.0.0
126.255.255.255 128.0.0.1 168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255
172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.1 192.88.98.255 192.88.100.0 192.167.255.255
192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
223.255.255.255 ::ffff:8.8.8.8 64:ff9b::808:808 2001:200::1 2001:4860:4860::8888 2001:db7::1
2001:db9::1 2003::1 2606:4700::1111 2620:4f:7fff::1 2620:4f:8001::1 2a00:1450:4001:800::200e
3fff:1000::1 3ffd::1 2a00::5eff:10.0.0.1
"""


def cases() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for line in FORBIDDEN.strip().splitlines():
        for cell in line.split("  "):
            if cell.strip():
                address, reason = cell.strip().split(" ", 1)
                found.append((address, reason))
    return found


def test_the_list_is_long_enough_to_mean_something():
    assert len(cases()) >= 130
    assert len({address for address, _ in cases()}) == len(cases())


@pytest.mark.parametrize(("address", "reason"), cases())
def test_forbidden_with_its_reason(address, reason):
    assert reason in (refusal(ip_address(address)) or "")


@pytest.mark.parametrize("address", PUBLIC.split())
def test_public(address):
    assert refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "10.1.2.3", "fd00:1::5"]
)
def test_allowed_networks_override_also_when_carried_in_ipv6(address):
    allowed = tuple(ip_network(text) for text in ("127.0.0.0/8", "10.1.0.0/16", "fd00:1::/64"))
    assert refusal(ip_address(address), allowed) is None
    assert is_allowed(ip_address(address), allowed)


@pytest.mark.parametrize("address", ["10.2.0.1", "::1", "192.168.1.1", "fd00:2::5", "::127.0.0.1", "2002:7f00:1::1"])
def test_allowed_networks_open_nothing_else(address):
    allowed = tuple(ip_network(text) for text in ("127.0.0.0/8", "10.1.0.0/16", "fd00:1::/64"))
    assert refusal(ip_address(address), allowed)
    assert not is_allowed(ip_address(address), allowed)


def test_a_public_address_is_not_an_allowed_one():
    assert not is_allowed(ip_address("8.8.8.8"), (ip_network("127.0.0.0/8"),))


@given(st.ip_addresses(v=4))
def test_carried_in_ipv6_an_address_is_as_forbidden_as_by_itself(ip):
    for prefix in (0xFFFF << 32, 0x64_FF9B << 96):
        assert refusal(ip_address(prefix | int(ip))) == refusal(ip)


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_has_an_answer(ip):
    reason = refusal(ip)
    assert reason is None or reason
    if int(ip) >> 125 != 1 and not any(ip in network for network in addresses._CARRIERS):
        assert reason


def test_every_row_is_reached():
    for network, reason in (*addresses._IPV4, *addresses._IPV6):
        middle = ip_address(int(network.network_address) + network.num_addresses // 2)
        edges = {refusal(network.network_address), refusal(network.broadcast_address), refusal(middle)}
        assert reason in edges, network
