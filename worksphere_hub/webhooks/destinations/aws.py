"""PURE: Amazon SQS, SNS, EventBridge and Kinesis."""

import base64
import hashlib
from datetime import datetime
from typing import Annotated, Any, ClassVar
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Meta

from worksphere_hub.clouds import sigv4
from worksphere_hub.clouds.credentials import AwsKeys
from worksphere_hub.clouds.refusals import amazon_code, bare, is_throttled, said
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.webhooks.destinations.destination import Destination, Judgement, Letter, Ready, refused

Region = Annotated[str, Meta(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$")]
# A host of one's own in place of Amazon's: a VPC endpoint, or a service that speaks the same.
EndpointUrl = Annotated[str, Meta(min_length=8, max_length=500, pattern=r"^https?://[^/?#@\s]+/?$")]
_TOPIC = r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$"
_LONGEST_NAME = 128


class _Entry(msgspec.Struct):
    code: str | None = msgspec.field(default=None, name="ErrorCode")


class _Put(msgspec.Struct):
    failed: int = msgspec.field(default=0, name="FailedEntryCount")
    entries: list[_Entry] = msgspec.field(default_factory=list[_Entry], name="Entries")


class Aws(Destination, frozen=True, kw_only=True):
    """What they have in common."""

    shown: ClassVar[frozenset[str]] = frozenset({"aws"})
    service: ClassVar[str]

    def proven(self, draft: Outgoing, ready: Ready, now: datetime) -> Outgoing:
        """A request with its signature."""
        assert isinstance(ready, AwsKeys)
        return sigv4.sign(ready, self.service, self.in_region, draft, now)

    @property
    def in_region(self) -> str:
        """The region that a request is signed for."""
        raise NotImplementedError

    def judge(self, status: int, body: bytes) -> Judgement:
        """A refusal says why by a code, and has 400 even where it was for too much."""
        return Judgement(status) if 200 <= status < 300 else _coded(status, amazon_code(body))


class Regional(Aws, frozen=True, kw_only=True):
    """Those that do not have their region in their name."""

    region: Region

    @property
    def in_region(self) -> str:
        return self.region


class Sqs(Regional, frozen=True, kw_only=True, tag="aws_sqs"):
    """A queue. One whose name ends in `.fifo` keeps the order of an endpoint's lanes and drops repetitions."""

    service: ClassVar[str] = "sqs"

    queue_url: Annotated[str, Meta(min_length=8, max_length=500, pattern=r"^https?://[^/?#@\s]+/[^?#\s]+$")]

    @property
    def address(self) -> str:
        parts = urlsplit(self.queue_url)
        return f"{parts.scheme}://{parts.netloc}/"

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        wanted: dict[str, Any] = {
            "QueueUrl": self.queue_url,
            "MessageBody": letter.text,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in letter.headers.items()
            },
        }
        if self.queue_url.endswith(".fifo"):
            wanted |= _in_order(letter)
        return self.proven(_call("1.0", "AmazonSQS.SendMessage", self.address, wanted), ready, now)


class Sns(Aws, frozen=True, kw_only=True, tag="aws_sns"):
    """A topic; its region is in its name."""

    service: ClassVar[str] = "sns"

    topic_arn: Annotated[str, Meta(max_length=400, pattern=_TOPIC)]
    endpoint_url: EndpointUrl | None = None

    @property
    def in_region(self) -> str:
        return self.topic_arn.split(":")[3]

    @property
    def address(self) -> str:
        return _host("sns", self.in_region, self.endpoint_url)

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": self.topic_arn, "Message": letter.text}
        for number, (name, value) in enumerate(letter.headers.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
        if self.topic_arn.endswith(".fifo"):
            form |= _in_order(letter)
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        return self.proven(Outgoing("POST", self.address, headers, urlencode(form).encode()), ready, now)


class EventBridge(Regional, frozen=True, kw_only=True, tag="aws_eventbridge"):
    """An event bus. The whole message is the detail, its type the detail type."""

    service: ClassVar[str] = "events"

    takes_text: ClassVar[bool] = False

    source: Annotated[str, Meta(min_length=1, max_length=256, pattern=r"^(?!aws\.)[A-Za-z0-9._/-]+$")]
    event_bus: Annotated[str, Meta(min_length=1, max_length=1600, pattern=r"^[A-Za-z0-9._:/-]+$")] = "default"
    endpoint_url: EndpointUrl | None = None

    @property
    def address(self) -> str:
        return _host("events", self.region, self.endpoint_url)

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        entry = {
            "Source": self.source, "EventBusName": self.event_bus, "Detail": letter.text,
            "DetailType": (letter.type or "event")[:128], "Resources": [letter.id],
        }  # fmt: skip
        wanted = {"Entries": [entry]}
        return self.proven(_call("1.1", "AWSEvents.PutEvents", self.address, wanted), ready, now)

    def judge(self, status: int, body: bytes) -> Judgement:
        """It answers 200 to events that it does not take."""
        answer = said(body, _Put)
        if not 200 <= status < 300 or not answer.failed:
            return super().judge(status, body)
        code = answer.entries[0].code if answer.entries else None
        return _coded(status, bare(code or "an entry failed"))


class Kinesis(Regional, frozen=True, kw_only=True, tag="aws_kinesis"):
    """A data stream. A record is the message alone: it has no place for a signature."""

    service: ClassVar[str] = "kinesis"

    stream: Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.-]+$")]
    endpoint_url: EndpointUrl | None = None

    @property
    def address(self) -> str:
        return _host("kinesis", self.region, self.endpoint_url)

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        wanted = {
            "StreamName": self.stream,
            "Data": base64.b64encode(letter.body).decode(),
            "PartitionKey": _short(letter.key or letter.id, 256),
        }
        return self.proven(_call("1.1", "Kinesis_20131202.PutRecord", self.address, wanted), ready, now)


def _call(version: str, target: str, url: str, wanted: dict[str, Any]) -> Outgoing:
    headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target}
    return Outgoing("POST", url, headers, msgspec.json.encode(wanted))


def _host(service: str, region: str, own: str | None) -> str:
    if own is not None:
        return own if own.endswith("/") else f"{own}/"
    return f"https://{service}.{region}.{domain(region)}/"


def domain(region: str) -> str:
    """Where Amazon's hosts are, which in China is elsewhere."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _in_order(letter: Letter) -> dict[str, str]:
    identity = _short(letter.id, _LONGEST_NAME)
    return {
        "MessageGroupId": identity if letter.key is None else _short(letter.key, _LONGEST_NAME),
        "MessageDeduplicationId": identity,
    }


def _short(text: str, longest: int) -> str:
    """A name as it is, or in place of one that is too long or has other letters than a name may have, its digest."""
    plain = len(text) <= longest and text.isascii() and text.isprintable() and " " not in text
    return text if plain else hashlib.sha256(text.encode()).hexdigest()


def _coded(status: int, code: str) -> Judgement:
    return refused(status, code, throttled=is_throttled(code))
