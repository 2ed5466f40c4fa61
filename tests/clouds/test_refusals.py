"""What a cloud's answer says no with."""

import pytest

from worksphere_hub.clouds.refusals import amazon_code, bare, google_code, is_throttled


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"secret"}', "QueueDoesNotExist"),
        (b'{"code":"Throttling"}', "Throttling"),
        (b"<Error><Code>NoSuchBucket</Code><Key>secret</Key></Error>", "NoSuchBucket"),
        (b'{"__type":7}', ""), (b"<html>", ""), (b"", ""), (b"[" * 100_000, ""),
    ],
)  # fmt: skip
def test_amazons_word(body, code):
    assert amazon_code(body) == code


@pytest.mark.parametrize(
    ("body", "code"),
    [(b'{"error":{"status":"NOT_FOUND"}}', "NOT_FOUND"), (b'{"error":"x"}', ""), (b"{}", ""), (b"no", "")],
)
def test_googles_word(body, code):
    assert google_code(body) == code


def test_what_was_too_much():
    assert is_throttled("ThrottlingException")
    assert is_throttled("RESOURCE_EXHAUSTED")
    assert not is_throttled("AccessDenied")
    assert bare("a#b") == "b"
