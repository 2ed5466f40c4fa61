"""PURE: Amazon SQS."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from worksphere_hub.clouds import sigv4
from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.clouds.refusals import amazon_code
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.clouds.signer import Signer
from worksphere_hub.inbound.pulls.queue import Answered, Fetched, PullRefused, Queue, Shown, refusal

_MOST = 10


class _Attribute(msgspec.Struct):
    text: str | None = msgspec.field(default=None, name="StringValue")
    binary: str | None = msgspec.field(default=None, name="BinaryValue")


class _Message(msgspec.Struct):
    id: str = msgspec.field(name="MessageId")
    receipt: str = msgspec.field(name="ReceiptHandle")
    body: str = msgspec.field(name="Body")
    attributes: dict[str, _Attribute] = msgspec.field(default_factory=dict[str, _Attribute], name="MessageAttributes")


class _Received(msgspec.Struct):
    messages: list[_Message] | None = msgspec.field(default=None, name="Messages")


class Sqs(Queue):
    """A queue. What was fetched comes again after its visibility timeout, unless it is kept by then."""

    kind: Literal["aws_sqs"]
    queue_url: Annotated[str, Field(min_length=8, max_length=500, pattern=r"^https?://[^/?#@\s]+/[^?#\s]+$")]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$")]

    shown: ClassVar[Shown] = AwsKeys

    @property
    def address(self) -> str:
        parts = urlsplit(self.queue_url)
        return f"{parts.scheme}://{parts.netloc}/"

    def receive(self, signer: Signer, now: datetime, wait: int, most: int) -> Outgoing:
        # Amazon's longest wait is twenty seconds.
        wanted = {
            "MaxNumberOfMessages": min(most, _MOST), "WaitTimeSeconds": min(wait, 20), "MessageAttributeNames": ["All"],
        }  # fmt: skip
        return self._call(signer, now, "ReceiveMessage", wanted)

    def read(self, answer: Answered) -> list[Fetched]:
        if answer.status != 200:
            raise refusal(answer.status, amazon_code(answer.body))
        try:
            found = msgspec.json.decode(answer.body, type=_Received).messages or []
        except msgspec.MsgspecError:
            raise PullRefused("unexpected", "The queue's answer is not what SQS gives.") from None
        return [Fetched(each.id, each.body.encode(), _texts(each.attributes), each.receipt) for each in found]

    def acknowledge(self, signer: Signer, now: datetime, fetched: Sequence[Fetched]) -> list[Outgoing]:
        entries = [{"Id": str(number), "ReceiptHandle": each.receipt} for number, each in enumerate(fetched)]
        return [
            self._call(signer, now, "DeleteMessageBatch", {"Entries": entries[start : start + _MOST]})
            for start in range(0, len(entries), _MOST)
        ]

    def _call(self, signer: Signer, now: datetime, action: str, wanted: dict[str, Any]) -> Outgoing:
        assert isinstance(signer, AwsKeys)
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AmazonSQS.{action}"}
        body = msgspec.json.encode({"QueueUrl": self.queue_url, **wanted})
        return sigv4.sign(signer, "sqs", self.region, Outgoing("POST", self.address, headers, body), now)


def _texts(attributes: dict[str, _Attribute]) -> dict[str, str]:
    return {
        name: base64.b64decode(each.binary or "").decode("utf-8", "replace") if each.text is None else each.text
        for name, each in attributes.items()
    }
