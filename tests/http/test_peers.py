"""Which ends of connections are trusted."""

import pytest

from worksphere_hub.http.peers import is_trusted


@pytest.mark.parametrize(
    ("peer", "trusted", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", "::1"), True),
        ("::ffff:127.0.0.1", ("127.0.0.1",), True),
        ("10.1.2.3", ("10.1.0.0/16",), True),
        ("10.2.2.3", ("10.1.0.0/16",), False),
        ("::1", ("127.0.0.1", " ::1"), True),
        ("8.8.8.8", ("*",), True),
        ("8.8.8.8", (), False),
        ("unix:proxy", ("unix:proxy", "127.0.0.1"), True),
        ("unix:other", ("unix:proxy", "127.0.0.1"), False),
        ("127.0.0.1", ("nonsense/99", "127.0.0.1/8x", "127.0.0.0/8"), True),
        (None, ("*",), False),
        ("", ("127.0.0.1",), False),
    ],
)
def test_who_is_trusted(peer, trusted, expected):
    assert is_trusted(peer, trusted) is expected
