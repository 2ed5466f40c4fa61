import pytest

from worksphere_hub.security.headers import CONNECTION_HEADERS, header_problem

GOOD = [
    ("X-Custom", "value"),
    ("x-empty", ""),
    ("Authorization", "Bearer abc"),
    ("X-Spaces", "two words\tand a tab"),
    ("X-Punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("!#$%&'*+.^_`|~", "x"),
    ("X-Long", "a" * 4096),
    ("hookah", "webhook-id"),
]
BAD_NAMES = [
    "",
    " ",
    "a b",
    "a:b",
    "a\r\n",
    "a\n",
    "\na",
    "a\x00",
    "caf\u00e9",
    "a\tb",
    "a(b)",
    'a"b',
    "a" * 129,
    "a/b",
    "a,b",
]
BAD_VALUES = [
    "a\r\nX-Evil: 1", "a\nb", "a\rb", "\r\n", "\n", "a\x00b", "\x00", "\x7f", "a\x1bb", "\x01", " a",
    "a ", "\ta", " ",
    "caf\u00e9", "\u010a", "\u560d\u560a", "\u2028", "a\u0085b", "\ud800", "a\x0bb", "a\x0cb", "a" * 4097,
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_sendable(name, value):
    assert header_problem(name, value) is None


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_outside_the_grammar(name):
    assert "letters, digits and dashes" in (header_problem(name, "v") or "")


@pytest.mark.parametrize("value", BAD_VALUES)
def test_values_outside_the_grammar_are_named_not_repeated(value):
    problem = header_problem("X-Note", value)
    assert problem is not None
    assert "X-Note" in problem
    assert "Evil" not in problem


@pytest.mark.parametrize("write", [str, str.upper, str.title])
@pytest.mark.parametrize("name", sorted(CONNECTION_HEADERS))
def test_names_of_the_connection_in_any_case(name, write):
    assert "belongs to the connection" in (header_problem(write(name), "v") or "")


@pytest.mark.parametrize("name", ["webhook-id", "Webhook-Signature", "WEBHOOK-TIMESTAMP", "webhook-anything"])
def test_names_of_the_hub(name):
    assert "hub's own" in (header_problem(name, "v") or "")
