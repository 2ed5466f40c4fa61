"""A bare handler reads a body whole or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.http.errors import BodyTooLarge, ClientGone
from worksphere_hub.http.reading import announced_length, read_body, read_or_discard


class Connection:
    def __init__(self, pieces, *, ends=True):
        self.reads = 0
        last = len(pieces) - 1
        self._incoming = [
            {"type": "http.request", "body": piece, "more_body": not (ends and place == last)}
            for place, piece in enumerate(pieces)
        ]

    async def receive(self):
        self.reads += 1
        return self._incoming.pop(0) if self._incoming else {"type": "http.disconnect"}


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.integers(0, 80))
async def test_whole_or_not_at_all(pieces, limit):
    connection = Connection(pieces)
    whole = b"".join(pieces)
    if len(whole) <= limit:
        assert await read_body(connection.receive, limit) == whole
        return
    with pytest.raises(BodyTooLarge) as caught:
        await read_body(connection.receive, limit)
    assert (caught.value.limit, caught.value.status) == (limit, 413)
    so_far = [len(b"".join(pieces[: place + 1])) for place in range(len(pieces))]
    assert connection.reads == 1 + next(place for place, size in enumerate(so_far) if size > limit)


@pytest.mark.parametrize("pieces", [[], [b"half"], [b"", b"", b"half"]])
async def test_a_client_that_leaves_is_told_apart(pieces):
    with pytest.raises(ClientGone):
        await read_body(Connection(pieces, ends=False).receive, 100)


async def test_a_message_without_a_body_counts_as_empty():
    async def receive():
        return {"type": "http.request"}

    assert await read_body(receive, 0) == b""


@pytest.mark.parametrize(
    ("value", "length"),
    [(b"0", 0), (b"17", 17), (b"-1", 0), (b"1e3", 0), (b"", 0), (b"9" * 19, int("9" * 19)), (b"9" * 5000, 0)],
)
def test_the_announced_length_is_a_number_or_nothing(value, length):
    assert announced_length({"headers": [(b"host", b"hub"), (b"content-length", value)]}) == length
    assert announced_length({"headers": []}) == 0


@pytest.mark.parametrize("pieces", [[b"0123456789"], [b"01234", b"56789"], [b"0123456", b"7", b"89"]])
async def test_a_body_too_large_is_read_to_its_end_and_no_further(pieces):
    connection = Connection(pieces)
    scope = {"type": "http", "headers": [(b"connection", b"close")]}
    with pytest.raises(BodyTooLarge):
        await read_or_discard(scope, connection.receive, 5)
    assert connection.reads == len(pieces)
    assert await read_or_discard(scope, Connection(pieces).receive, 10) == b"0123456789"
