"""A token goes to the hosts of the manifest and nowhere else, however the URL is spelled."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.connections.errors import HostNotAllowed
from worksphere_hub.connections.hosts import Hosts, hosts_of, join, whole
from worksphere_hub.connections.proxy_rules import without

HOSTS = Hosts(["api.example.com", "*.files.example.com", "127.0.0.1:4100", "[::1]:4100"])

GOOD = [
    "https://api.example.com/",
    "https://api.example.com:443/v1?x=1",
    "https://API.Example.COM/v1",
    "https://a.files.example.com/",
    "https://a.b.files.example.com/",
    "http://127.0.0.1:4100/x",
    "http://[::1]:4100/x",
]

TRICKS = [
    "https://api.example.com@evil.com/",
    "https://api.example.com:443@evil.com/",
    "https://evil.com/https://api.example.com/",
    "https://evil.com?api.example.com",
    "https://evil.com#api.example.com",
    "https://evil.com\\@api.example.com/",
    "https://api.example.com\\.evil.com/",
    "https:\\\\api.example.com/",
    "https:/api.example.com/",
    "https:api.example.com/",
    "//api.example.com/",
    "https:///api.example.com/",
    "https://api.example.com./",
    "https://api.example.com.evil.com/",
    "https://api-example.com/",
    "https://xapi.example.com/",
    "https://example.com/",
    "https://files.example.com/",
    "https://evilfiles.example.com/",
    "https://api.example.com:8443/",
    "https://api.example.com:80/",
    "https://api.example.com:0/",
    "https://api.example.com:99999/",
    "https://api.example.com:/x y",
    "https://\u0430pi.example.com/",  # a Cyrillic letter
    "https://api.ex\u0430mple.com/",
    "https://api。example。com/x\u3000",
    "https://api.example.com\u2028/",
    "https://api.example.com%2eevil.com/",
    "https://api.example.com%00.evil.com/",
    "https://api.example.com\t/",
    "https://api.example.com\r\nHost: evil.com/",
    " https://api.example.com/",
    "https://127.0.0.1/",
    "https://127.0.0.1:4101/",
    "http://2130706433:4101/",
    "http://0x7f.1:4101/",
    "https://[::ffff:127.0.0.1]:4100/",
    "https://[::1]/",
    "ftp://api.example.com/",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://*.files.example.com/",
    "https://user:pass@api.example.com/",
    "https://api.example.com" + "/a" * 8_192,
    "",
]


@pytest.mark.parametrize("url", GOOD)
def test_hosts_of_the_manifest_are_allowed(url):
    assert HOSTS.require(url).url


@pytest.mark.parametrize("url", TRICKS)
def test_tricks_are_not(url):
    with pytest.raises(HostNotAllowed):
        HOSTS.require(url)


def test_there_are_forty_tricks():
    assert len(set(TRICKS)) >= 40


@given(st.text(max_size=60), st.sampled_from(["https://evil.com/", "https://", "https://api.example.com"]))
def test_whatever_is_let_through_leads_to_an_allowed_host(text, start):
    try:
        found = HOSTS.require(start + text)
    except HostNotAllowed:
        return
    assert found.host in {"api.example.com", "127.0.0.1", "::1"} or found.host.endswith(".files.example.com")


def test_a_wildcard_needs_a_domain_and_settings_cannot_bring_one():
    for pattern in ("*.com", "*", "*.*.com", "https://x.com", "x.com/path", "", "a b.com"):
        with pytest.raises(HostNotAllowed):
            Hosts([pattern]).require("https://x.com/")
    widened = hosts_of(["${settings.host}"], {"settings": {"host": "*.example.com"}})
    with pytest.raises(HostNotAllowed):
        widened.require("https://a.example.com/")


def test_a_secret_that_is_shared_goes_to_fixed_hosts_only():
    templates = ["login.example.com", "${settings.shop}.shops.example.com", "${settings.host}"]
    values = {"settings": {"shop": "mine", "host": "evil.com"}}
    own = hosts_of(templates, values)
    for url in ("https://login.example.com/", "https://mine.shops.example.com/", "https://evil.com/"):
        own.require(url)
    shared = hosts_of(templates, values, fixed_only=True)
    shared.require("https://login.example.com/")
    for url in ("https://mine.shops.example.com/", "https://evil.com/"):
        with pytest.raises(HostNotAllowed):
            shared.require(url)


def test_a_setting_that_is_a_whole_url_stands_for_its_host():
    found = hosts_of(["${settings.base}"], {"settings": {"base": "https://gitlab.example.com:8443/api/"}})
    found.require("https://gitlab.example.com:8443/x")
    for url in ("https://gitlab.example.com/x", "https://evil.com/"):
        with pytest.raises(HostNotAllowed):
            found.require(url)
    for base in ("https://gitlab.example.com@evil.com/", "https://*.com/", "javascript://x"):
        with pytest.raises(HostNotAllowed):
            hosts_of(["${settings.base}"], {"settings": {"base": base}}).require("https://evil.com/")


def test_a_name_without_value_adds_no_host():
    with pytest.raises(HostNotAllowed):
        hosts_of(["${settings.host}"], {"settings": {}}).require("https://settings.host/")


@pytest.mark.parametrize(
    ("path", "joined"),
    [
        ("users", "https://api.example.com/v2/users"),
        ("/users", "https://api.example.com/v2/users"),
        ("//evil.com/x", "https://api.example.com/v2/evil.com/x"),
        ("@evil.com", "https://api.example.com/v2/@evil.com"),
        ("https://evil.com/", "https://api.example.com/v2/https://evil.com/"),
        ("a%252Fb", "https://api.example.com/v2/a%252Fb"),
        ("", "https://api.example.com/v2/"),
    ],
)
def test_a_path_stays_under_its_base(path, joined):
    assert join("https://api.example.com/v2/", path) == joined
    assert HOSTS.require(joined).host == "api.example.com"


@pytest.mark.parametrize(
    "path", ["..", "a/../b", "%2e%2e/x", "a/%252e%252e/b", "a%2f..%2fb", "./x", "a\\b", "é", "a?b", "a#b"]
)
def test_a_path_that_would_climb_out_is_refused(path):
    with pytest.raises(HostNotAllowed):
        join("https://api.example.com/v2", path)


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), max_size=40))
def test_no_path_changes_the_host(path):
    try:
        url = join("https://api.example.com/v2", path)
    except HostNotAllowed:
        return
    with suppress(HostNotAllowed):
        assert HOSTS.require(url).host == "api.example.com"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example.com/next?key=1&page=2", "https://api.example.com/next?page=2"),
        ("https://files.example.com/a/../b#x", "https://files.example.com/a/../b"),
        ("HTTPS://api.example.com/?key=1", "HTTPS://api.example.com/"),
    ],
)
def test_a_whole_url_loses_what_the_credential_goes_into(url, expected):
    assert whole("https://api.example.com/v2", url, lambda query: without(query, frozenset({"key"}))) == expected


def test_an_address_that_a_provider_names_is_no_less_protected_than_its_api():
    with pytest.raises(HostNotAllowed):
        whole("https://api.example.com/v2", "http://api.example.com/next", str)
    assert whole("http://127.0.0.1:1/v2", "http://127.0.0.1:1/next", str) == "http://127.0.0.1:1/next"


def test_a_query_follows():
    assert join("https://api.example.com", "a", "b=1&c=%20") == "https://api.example.com/a?b=1&c=%20"
