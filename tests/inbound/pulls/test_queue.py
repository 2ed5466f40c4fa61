"""What all queues have: credentials that are read without a word of them, refusals by the queue's own word."""

import json

import pytest

from tests.inbound.pulls.test_sqs import QUEUE
from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.inbound.pulls.queue import read_credential, refusal


def test_a_credential_is_read_for_its_queue():
    text = json.dumps({"type": "aws", "access_key_id": "A", "secret_access_key": "S"})
    assert read_credential(QUEUE, text) == AwsKeys("A", "S")


@pytest.mark.parametrize("text", ["", "hunter2", '"hunter2"', '{"type":"azure","key":"hunter2"}', '{"hunter2":1}'])
def test_what_is_none_is_refused_without_its_value(text):
    with pytest.raises(ValueError, match=r".") as refused:
        read_credential(QUEUE, text)
    assert '"hunter2"' not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_refusal_has_the_queues_word_or_its_status():
    assert (refusal(400, "Why").code, refusal(503, "").code) == ("Why", "status_503")
    assert refusal(400, "Why").detail == "The queue answered 400: Why."
