"""What all destinations have: letters, and what a refusal counts as."""

import pytest

from tests.webhooks.destinations.letters import BODY, letter
from worksphere_hub.webhooks.destinations.destination import Judgement, refused


def test_a_letter_knows_its_type_where_its_body_says_it():
    assert letter().type == "order.paid"
    assert letter().text.encode() == BODY
    for body in (b"{}", b'{"type":7}', b"eyJhbGciOi.jwe.text", b'"a"', b"[]"):
        assert letter(body=body).type is None


@pytest.mark.parametrize(
    ("status", "throttled", "counts"), [(200, False, 400), (200, True, 429), (400, True, 429), (503, False, 503)]
)
def test_a_success_that_was_none_counts_as_a_refusal(status, throttled, counts):
    assert refused(status, "Why", throttled=throttled) == Judgement(counts, "Why")


def test_a_word_that_is_missing_or_long_does_no_harm():
    assert refused(500, "") == Judgement(500)
    assert len(refused(500, "x" * 999).problem) == 200
