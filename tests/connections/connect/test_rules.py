"""Who may send a form, what one is, and which language a browser means."""

import pytest

from worksphere_hub.connections.connect import rules
from worksphere_hub.connections.errors import NotFromPage

BASE = "https://hub.example.com"
BROWSER = "b" * 43
KEY = rules.form_key(BROWSER)
KNOWN = ("en", "fr", "sw", "pt", "ar")


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "same-origin", "origin": "null"}, {"origin": BASE}, {"origin": "null"}, {}],
)
def test_a_form_of_the_pages_own_is_taken(headers):
    assert rules.require_own_form(BROWSER, KEY, headers, BASE) == BROWSER


@pytest.mark.parametrize(
    ("browser", "key", "headers"),
    [
        (None, KEY, {}),
        ("", rules.form_key(""), {}),
        ("short", rules.form_key("short"), {}),
        (BROWSER, "", {}),
        (BROWSER, rules.form_key("c" * 43), {}),
        (BROWSER, KEY, {"sec-fetch-site": "cross-site"}),
        (BROWSER, KEY, {"sec-fetch-site": "same-site"}),
        (BROWSER, KEY, {"sec-fetch-site": "none"}),
        (BROWSER, KEY, {"sec-fetch-site": "cross-site", "origin": BASE}),
        (BROWSER, KEY, {"origin": "https://evil.example"}),
        (BROWSER, KEY, {"origin": f"{BASE}.evil.example"}),
    ],
)
def test_any_other_is_not(browser, key, headers):
    with pytest.raises(NotFromPage):
        rules.require_own_form(browser, key, headers, BASE)


def test_the_key_of_a_form_does_not_give_the_cookie_away():
    assert BROWSER not in KEY
    assert rules.form_key(BROWSER) == KEY != rules.form_key("c" * 43)


def test_forms_are_read_as_browsers_write_them():
    assert rules.read_form(b"a=1+2&b=&f.key=%C3%A9%0D%0Ax&a=3") == {"a": "3", "b": "", "f.key": "é\r\nx"}
    assert rules.read_form(b"") == {}
    for broken in (b"\xff", b"a=%FF", b"&".join([b"a=1"] * 80)):
        with pytest.raises(NotFromPage):
            rules.read_form(broken)


@pytest.mark.parametrize(
    ("accepted", "found"),
    [
        (None, "en"), ("", "en"), ("sw", "sw"), ("sw-KE,en;q=0.8", "sw"), ("de-CH, de;q=0.9, fr;q=0.4, en;q=0.3", "fr"),
        ("de", "en"), ("*", "en"), ("pt-BR;q=0.5, ar;q=0.7", "ar"), ("fr;q=0, sw;q=0.1", "sw"), ("FR", "fr"),
        ("fr;q=2", "en"), ("fr;;;", "en"), ("x" * 5_000 + ",fr", "en"),
    ],
)  # fmt: skip
def test_the_browsers_language(accepted, found):
    assert rules.language(KNOWN, None, None, accepted) == found


def test_what_was_clicked_counts_more():
    assert rules.language(KNOWN, "pt", "sw", "fr") == "pt"
    assert rules.language(KNOWN, "xx", "sw", "fr") == "sw"
    assert rules.language(KNOWN, "xx", "yy", "fr") == "fr"


def test_cookies_are_bound_to_the_host_where_they_can_be():
    secure, plain = rules.cookie_name("token", secure=True), rules.cookie_name("token", secure=False)
    assert secure == f"__Host-{plain}"
    assert "token" not in plain
    assert rules.cookie_name("other", secure=True) != secure


def test_forms_lead_away_from_the_consent_page_alone():
    assert rules.form_targets(BASE, leaving=False) == "'self'"
    assert rules.form_targets(BASE, leaving=True) == "'self' https:"
    assert rules.form_targets("http://127.0.0.1:8000", leaving=True).endswith(" http:")
