from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.security.destinations import EgressPolicy, EgressRefused, read_url

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port"),
    [
        ("https://example.com", "https", "example.com", 443),
        ("https://example.com/", "https", "example.com", 443),
        ("HTTPS://EXAMPLE.com:8443/a?b=c", "https", "example.com", 8443),
        ("http://example.com:80/", "http", "example.com", 80),
        ("https://example.com:0443/", "https", "example.com", 443),
        ("https://a_b.example-1.com/x%20y?z=%F0%9F%98%80", "https", "a_b.example-1.com", 443),
        ("https://localhost/", "https", "localhost", 443),
        ("https://b\u00fccher.example/", "https", "xn--bcher-kva.example", 443),
        ("https://\u4f8b\u3048.jp/", "https", "xn--r8jz45g.jp", 443),
        ("https://example.com/p\u00e4th", "https", "example.com", 443),
        ("https://93.184.216.34/", "https", "93.184.216.34", 443),
        ("https://[2606:4700::1111]:8443/", "https", "2606:4700::1111", 8443),
        ("https://example.com/a@b:c?d=e@f", "https", "example.com", 443),
    ],
)
def test_readable(text, scheme, host, port):
    destination = read_url(text)
    assert (destination.scheme, destination.host, destination.port) == (scheme, host, port)
    assert destination.url.host_str.strip("[]") == host
    assert (destination.literal is not None) == host[0].isdigit()


# Ways to write an address that a resolver or an HTTP client understands: each is refused as what it means.
LOOPBACK_SPELLINGS = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7F000001 0x7f.1 0x7f.0.0.1 0x7f.0x0.0x0.0x1 0177.0.0.1 0177.1
017700000001 0x7f.0.1 127.0.0.01 127.0.0x0.1 127.000.000.001 0000177.0.0.1 0x0000007f.1 127.0.0.1:443
\uff11\uff12\uff17.0.0.1 \u2460\u2461\u2466.0.0.1 127\u30020\u30020\u30021 127\uff0e0\uff0e0\uff0e1
[::1] [0:0:0:0:0:0:0:1] [::0001] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:127.0.0.1] [::127.0.0.1]
[64:ff9b::7f00:1] [64:ff9b::127.0.0.1] [2002:7f00:1::1] [::ffff:0:127.0.0.1] 0 0.0.0.0 0x0 00 0.0 [::] [0::0]
[0000:0000:0000:0000:0000:0000:0000:0001] 127.127.127.127 127.255.255.254 0x7ffffffe 2147483646
"""
OTHER_SPELLINGS = """
169.254.169.254 0xa9fea9fe 2852039166 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 169.16689662 169.254.43518
[::ffff:169.254.169.254] [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::] [fd00:ec2::254]
\uff11\uff16\uff19.254.169.254 10.0.0.1 0xa000001 167772161 012.0.0.1 10.1 172.16.0.1 0xac100001 192.168.0.1
0xc0a80001 3232235521 192.168.1 100.64.0.1 198.18.0.1 224.0.0.1 255.255.255.255 4294967295 0xffffffff
[fe80::1] [fc00::1] [ff02::1] [2001:db8::1] [5f00::1] [3fff::1] [fec0::1] [64:ff9b:1::1] [2001::1] [100::1]
"""
SPELLINGS = (LOOPBACK_SPELLINGS + OTHER_SPELLINGS).split()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_a_forbidden_address_is_refused_by_what_it_means(spelling):
    destination = read_url(f"https://{spelling}/")
    assert destination.literal is not None
    assert ip_address(destination.host) == destination.literal
    with pytest.raises(EgressRefused) as refused:
        EgressPolicy().admit(destination, [destination.literal])
    assert refused.value.reason == "address"
    assert destination.host not in str(refused.value)


def test_there_are_a_hundred_spellings_with_the_unreadable_ones():
    assert len(set(SPELLINGS)) >= 80
    assert len(UNREADABLE) >= 80


UNREADABLE = [
    ("", "syntax"),
    ("https", "syntax"),
    ("https:", "syntax"),
    ("https:example.com", "syntax"),
    ("https:/example.com", "syntax"),
    ("https://", "syntax"),
    ("https:///example.com", "syntax"),
    ("//example.com", "syntax"),
    ("example.com", "syntax"),
    (" https://example.com", "syntax"),
    ("https://example.com ", "syntax"),
    ("https://exa mple.com", "syntax"),
    ("https://example.com/a b", "syntax"),
    ("https://example.com\t", "syntax"),
    ("https://example.com\n", "syntax"),
    ("https://example.com/\r\nX: y", "syntax"),
    ("ht\ntps://example.com", "syntax"),
    ("https://127.0.0.1\x00.example.com", "syntax"),
    ("https://example.com\x7f", "syntax"),
    ("https://example.com\u00a0", "syntax"),
    ("https://example.com\u3000/", "syntax"),
    ("https://127.0.0\u200b.1", "syntax"),
    ("https://127.0.0.1\u00ad", "syntax"),
    ("https://ex\u202eample.com", "syntax"),
    ("https://example.com/\ud800", "syntax"),
    ("https:\\\\example.com", "syntax"),
    ("https://example.com\\@127.0.0.1", "syntax"),
    ("https://127.0.0.1\\.example.com", "syntax"),
    ("https://example.com/#fragment", "syntax"),
    ("https://example.com#@127.0.0.1/", "syntax"),
    ("https://user@example.com", "userinfo"),
    ("https://user:pass@example.com", "userinfo"),
    ("https://@example.com", "userinfo"),
    ("https://:@example.com", "userinfo"),
    ("https://example.com@127.0.0.1", "userinfo"),
    ("https://example.com:443@127.0.0.1:80", "userinfo"),
    ("https://a%40b@127.0.0.1", "userinfo"),
    ("https://%31%32%37.0.0.1", "syntax"),
    ("https://127%2e0.0.1", "syntax"),
    ("https://localhos%74", "syntax"),
    ("https://example.com%00", "syntax"),
    ("https://example.com.", "syntax"),
    ("https://localhost./", "syntax"),
    ("https://127.0.0.1.", "address"),
    ("https://.example.com", "syntax"),
    ("https://exa..mple.com", "syntax"),
    ("https://-a.example", "syntax"),
    ("https://a-.example", "syntax"),
    ("https://" + "a" * 64 + ".example", "syntax"),
    ("https://" + "a." * 127 + "example", "syntax"),
    ("https://1.2.3.4.5", "syntax"),
    ("https://256.0.0.1", "syntax"),
    ("https://999999999999", "syntax"),
    ("https://example.0x7f", "syntax"),
    ("https://example.1", "syntax"),
    ("https://08.0.0.1", "syntax"),
    ("https://[::1", "syntax"),
    ("https://::1/", "syntax"),
    ("https://[::1]x/", "syntax"),
    ("https://[fe80::1%25eth0]/", "syntax"),
    ("https://[fe80::1%eth0]/", "syntax"),
    ("https://[v1.a]/", "syntax"),
    ("https://[127.0.0.1]/", "syntax"),
    ("https://[:::1]/", "syntax"),
    ("https://xn--a/", "syntax"),
    ("https://a/b;c@d\\", "syntax"),
    ("https://exa(mple).com", "syntax"),
    ("https://exa'mple.com", "syntax"),
    ("https://example.com;127.0.0.1/", "syntax"),
    ("https://example.com,127.0.0.1/", "syntax"),
    ("https://*.example.com/", "syntax"),
    ("https://example.com:", "syntax"),
    ("https://example.com:/", "syntax"),
    ("https://example.com:abc", "syntax"),
    ("https://example.com:-1", "syntax"),
    ("https://example.com:+443", "syntax"),
    ("https://example.com:4 43", "syntax"),
    ("https://example.com:443:80", "syntax"),
    ("https://example.com:\uff14\uff14\uff13", "syntax"),
    ("https://example.com:0", "port"),
    ("https://example.com:65536", "syntax"),
    ("https://example.com:99999", "syntax"),
    ("https://example.com:100000", "syntax"),
    ("ftp://example.com", "scheme"),
    ("file:///etc/passwd", "scheme"),
    ("gopher://127.0.0.1:6379/_x", "scheme"),
    ("ws://example.com", "scheme"),
    ("httpss://example.com", "scheme"),
    ("unix://run/x.sock", "scheme"),
    ("javascript://example.com/%0aalert(1)", "scheme"),
    ("data:text/plain,x", "syntax"),
    ("https://example.com/" + "a" * 8192, "syntax"),
]


@pytest.mark.parametrize(("text", "reason"), UNREADABLE)
def test_unreadable(text, reason):
    def judge() -> None:
        destination = read_url(text)
        EgressPolicy().admit(destination, [destination.literal])

    with pytest.raises(EgressRefused) as refused:
        judge()
    assert refused.value.reason == reason
    assert refused.value.problems[0].field == "url"
    assert (refused.value.status, refused.value.code) == (422, "egress_refused")
    assert "pass" not in str(refused.value).replace("password", "")


@given(st.text(max_size=60) | st.from_regex(r"https?://[!-~]{1,30}", fullmatch=True))
def test_whatever_is_read_is_read_as_the_client_reads_it(text):
    try:
        destination = read_url(text)
    except EgressRefused:
        return
    assert destination.url.scheme == destination.scheme
    assert destination.url.host_str.strip("[]") == destination.host
    assert destination.url.port_or_known_default == destination.port
    assert destination.url.username == ""
    assert destination.url.password is None


@pytest.mark.parametrize(
    ("policy", "text", "reason"),
    [
        (EgressPolicy(), "https://example.com/", None),
        (EgressPolicy(), "https://example.com:8443/", None),
        (EgressPolicy(), "https://example.com:80/", None),
        (EgressPolicy(), "https://example.com:22/", "port"),
        (EgressPolicy(), "https://example.com:444/", "port"),
        (EgressPolicy(), "http://example.com/", "scheme"),
        (EgressPolicy(allow_http=True), "http://example.com/", None),
        (EgressPolicy(allow_http=True), "http://example.com:8080/", "port"),
        (EgressPolicy(ports=None), "https://example.com:12345/", None),
        (EgressPolicy(ports=None), "http://example.com:12345/", "scheme"),
        (EgressPolicy(ports=frozenset({9443})), "https://example.com:443/", "port"),
        (EgressPolicy(allowed_networks=LOOPBACK), "http://example.com/", "scheme"),
        (EgressPolicy(allowed_networks=LOOPBACK), "https://example.com:5432/", "port"),
    ],
)
def test_scheme_and_port_of_a_public_destination(policy, text, reason):
    destination = read_url(text)
    public = [ip_address("93.184.216.34")]
    if reason is None:
        policy.admit(destination, public)
        return
    with pytest.raises(EgressRefused) as refused:
        policy.admit(destination, public)
    assert refused.value.reason == reason


def test_inside_an_allowed_network_any_port_and_http_are_open():
    policy = EgressPolicy(allowed_networks=LOOPBACK)
    for text in ("http://127.0.0.1:39071/", "https://localhost:1/", "http://127.1:5000/"):
        policy.admit(read_url(text), [ip_address("127.0.0.1")])


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["127.0.0.1", "10.0.0.1"], "address"),
        (["93.184.216.34", "10.0.0.1"], "address"),
        (["10.0.0.1", "93.184.216.34"], "address"),
        (["93.184.216.34", "::1"], "address"),
        (["127.0.0.1", "93.184.216.34"], "scheme"),
    ],
)
def test_one_bad_answer_among_good_ones_decides(answers, reason):
    policy = EgressPolicy(allowed_networks=LOOPBACK)
    with pytest.raises(EgressRefused) as refused:
        policy.admit(read_url("http://example.com/"), [ip_address(answer) for answer in answers])
    assert refused.value.reason == reason
