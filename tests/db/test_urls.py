"""Connection URLs with another login."""

from urllib.parse import unquote, urlsplit

import pytest

from worksphere_hub.db.urls import with_login, without_pooler


@pytest.mark.parametrize("password", ["plain", "a'b\"c\\d", "p@s/s:w#o?r%d", "пароль", ""])
def test_any_password_survives(password):
    parts = urlsplit(with_login("postgresql://owner:secret@db.example:5432/hub?sslmode=require", "hub_api", password))
    assert unquote(parts.password or "") == password
    assert (parts.username, parts.hostname, parts.port) == ("hub_api", "db.example", 5432)
    assert (parts.path, parts.query) == ("/hub", "sslmode=require")


def test_a_url_without_a_login_gets_one():
    assert with_login("postgresql://127.0.0.1:5432/hub", "a", "b") == "postgresql://a:b@127.0.0.1:5432/hub"


def test_an_at_sign_in_the_old_password_is_not_taken_for_the_host():
    assert with_login("postgresql://o:x@y@host/hub", "a", "b") == "postgresql://a:b@host/hub"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgresql://a:b@h/db", ("postgresql://a:b@h/db", False)),
        ("postgresql://a:b@h/db?sslmode=require", ("postgresql://a:b@h/db?sslmode=require", False)),
        ("postgresql://a:b@h/db?pooler=transaction", ("postgresql://a:b@h/db", True)),
        ("postgresql://h/db?sslmode=require&pooler=transaction", ("postgresql://h/db?sslmode=require", True)),
    ],
)
def test_a_url_says_that_there_is_a_pooler(url, found):
    assert without_pooler(url) == found


def test_another_word_on_a_pooler_is_no_word():
    with pytest.raises(ValueError, match="pooler=transaction"):
        without_pooler("postgresql://h/db?pooler=session")
