"""Every way a delivery can stand has a sentence."""

from typing import get_args

from worksphere_hub.webhooks.explain import explain
from worksphere_hub.webhooks.schemas import DeliveryState, VerdictOut


def words(annotation):
    """The words of a literal, or of several together."""
    parts = get_args(annotation)
    return [word for part in parts for word in (words(part) if get_args(part) else [part])]


VERDICTS = set(words(VerdictOut.model_fields["verdict"].annotation)) - {"matched"}


def test_every_verdict_and_state_and_reason_is_explained():
    for verdict in VERDICTS:
        assert explain(verdict, None, None, None).endswith(".")
    states = words(DeliveryState)
    assert len({explain("matched", state, None, None) for state in states}) == len(states) == 10
    for reason in ("attempts", "deadline", "aborted", "expunged", "contract", "endpoint_deleted", "by_request"):
        assert len(explain("matched", "exhausted", reason, None)) > len(explain("matched", "exhausted", None, None))


def test_what_was_replayed_says_so_and_how_it_stands():
    assert explain("replayed", "delivered", None, None) == "Somebody replayed it to this endpoint. It was delivered."


def test_what_holds_an_endpoint_back_is_said_of_what_waits_and_of_nothing_else():
    assert "left alone" in explain("matched", "pending", None, "circuit_open")
    assert explain("matched", "delivered", None, "circuit_open") == "It was delivered."


def test_a_record_that_is_gone_is_said_to_be():
    assert "retention" in explain("matched", None, None, None)
