"""Connection URLs with another login."""

from urllib.parse import unquote, urlsplit

import pytest

from worksphere_hub.db.urls import with_login


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
