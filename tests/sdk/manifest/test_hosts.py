"""Which address a pattern covers; no filling in makes another host of it."""

import pytest

from worksphere_hub.sdk.manifest.hosts import allowed, authority, covers, is_pattern


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("api.example.com", "api.example.com", True),
        ("api.example.com", "API.example.com", True),
        ("api.example.com", "api.example.com:8443", False),
        ("api.example.com:8443", "api.example.com:8443", True),
        ("*.example.com", "a.example.com:8443", False),
        ("api.example.com:443", "api.example.com:8443", False),
        ("api.example.com", "xapi.example.com", False),
        ("*.example.com", "api.example.com", True),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "example.com.evil.test", False),
        ("*.example.com", "evilexample.com", False),
        ("*.example.com", "${settings.a}.example.com", True),
        ("*.example.com", "${settings.a}example.com", False),
        ("*.example.com", "api.${settings.a}.com", False),
        ("${settings.a}.example.com", "${settings.a}.example.com", True),
        ("${settings.a}.example.com", "${settings.b}.example.com", False),
        ("*.${settings.a}.example.com", "x.${settings.a}.example.com", True),
    ],
)
def test_what_a_pattern_covers(pattern, host, expected):
    assert covers(pattern, host) is expected


@pytest.mark.parametrize(
    "text", ["api.example.com", "*.example.com", "127.0.0.1:8080", "localhost", "${settings.host}"]
)
def test_patterns(text):
    assert is_pattern(text)


@pytest.mark.parametrize(
    "text", ["", "*", "*.com", "a.*.com", "https://a.com", "a.com/x", "a b", "-a.com", "a..com", "a.com:x"]
)
def test_no_patterns(text):
    assert not is_pattern(text)


@pytest.mark.parametrize(
    "url",
    ["api.example.com", "ftp://a.com", "https://user:pw@a.com/", "https:///x", "https://*.a.com/", "https://a b/"],
)
def test_a_url_without_a_plain_host_has_none(url):
    assert authority(url) is None


HOSTS = ["api.example.com", "*.files.example.com", "${settings.region}.example.com", "${settings.base}"]


@pytest.mark.parametrize(
    ("url", "values", "expected"),
    [
        ("https://api.example.com/v1", {}, True),
        ("https://x.files.example.com", {}, True),
        ("https://eu.example.com/x", {"region": "eu"}, True),
        ("https://us.example.com/x", {"region": "eu"}, False),
        ("https://own.example.org/x", {"base": "https://own.example.org/api"}, True),
        ("https://own.example.org:8443/x", {"base": "own.example.org"}, False),
        ("https://own.example.org:8443/x", {"base": "https://own.example.org:8443/api"}, True),
        ("https://own.example.org:443/x", {"base": "own.example.org"}, True),
        ("https://own.example.org/x", {"base": "own.example.org:443"}, True),
        ("http://own.example.org/x", {"base": "own.example.org:443"}, False),
        # A setting that tries to be more than a name.
        ("https://evil.test/.example.com", {"region": "evil.test/"}, False),
        ("https://evil.test/", {"region": "https://evil.test/?"}, False),
        ("https://evil.test/", {"region": "*"}, False),
        ("https://anything.test/", {"base": "*.test"}, False),
        ("https://anything.test/", {"base": "*"}, False),
        ("https://evil.test@api.example.com/", {}, False),
        ("https://api.example.com@evil.test/", {}, False),
        ("https://api.example.com.evil.test/", {}, False),
        ("https://api.example.com\\@evil.test/", {}, False),
    ],
)
def test_what_may_be_called(url, values, expected):
    assert allowed(HOSTS, {"settings": values}, url) is expected
