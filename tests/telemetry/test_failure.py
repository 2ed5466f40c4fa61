"""An exception is described without the data it was about."""

import asyncio

import pytest

from worksphere_hub.errors import Conflict, Unavailable
from worksphere_hub.telemetry.failure import describe, outcome, type_name


def raising(error):
    raise error


def raised(error):
    with pytest.raises(type(error)) as caught:
        raising(error)
    return caught.value


def test_a_stated_failure_is_described_by_its_detail_alone():
    error = Conflict("There is one already.")
    error.__cause__ = KeyError("x")
    assert describe(raised(error)) == {"error_detail": "There is one already.", "caused_by": "KeyError"}


def test_an_unexpected_one_by_type_first_line_and_frames():
    found = describe(raised(ValueError("duplicate key\nDETAIL: Key (email)=(ann@example.com)")))
    assert (found["error_type"], found["error_detail"]) == ("ValueError", "duplicate key")
    assert found["trace"][-1].endswith(" raising")
    assert "ann@" not in str(found)


def test_a_long_message_is_cut():
    assert len(describe(ValueError("x" * 10_000))["error_detail"]) == 300


def test_deep_recursion_gives_twenty_frames():
    def deeper():
        return deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    assert len(describe(caught.value)["trace"]) == 20


def test_the_cause_is_named_unless_it_was_suppressed():
    hidden = ValueError()
    hidden.__context__ = KeyError()
    assert describe(hidden)["caused_by"] == "KeyError"
    hidden.__suppress_context__ = True
    assert "caused_by" not in describe(hidden)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Unavailable(), "unavailable"),
        (OSError(), "internal_error"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
    ],
)
def test_one_word_for_each_end(error, word):
    assert outcome(error) == word


def test_types_are_named_with_their_module():
    assert type_name(Conflict()) == "worksphere_hub.errors.Conflict"
    assert type_name(KeyError()) == "KeyError"
