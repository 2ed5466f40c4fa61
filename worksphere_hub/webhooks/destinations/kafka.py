"""PURE: Kafka, by a REST proxy: Confluent's (v2 and v3), and those that speak its v2, as Karapace and Redpanda's do."""

import base64
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from worksphere_hub.clouds.refusals import said
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.webhooks.destinations.destination import Destination, Judgement, Letter, Ready, refused

Url = Annotated[str, Meta(min_length=8, max_length=500, pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")]

_V2, _V2_BINARY = "application/vnd.kafka.v2+json", "application/vnd.kafka.binary.v2+json"


class _Report(msgspec.Struct):
    error_code: int | None = None
    offsets: list["_Report"] = []


class KafkaRest(Destination, frozen=True, kw_only=True, tag="kafka_rest"):
    """A topic. With a `cluster_id` it is asked by v3, whose records have headers; lanes are the records' keys."""

    shown: ClassVar[frozenset[str]] = frozenset({"basic", "bearer", "oauth2", "mtls"})
    bare: ClassVar[bool] = True

    url: Url
    topic: Annotated[str, Meta(min_length=1, max_length=249, pattern=r"^[A-Za-z0-9._-]+$")]
    cluster_id: Annotated[str, Meta(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_-]+$")] | None = None

    @property
    def address(self) -> str:
        root = self.url.rstrip("/")
        if self.cluster_id is None:
            return f"{root}/topics/{self.topic}"
        return f"{root}/v3/clusters/{self.cluster_id}/topics/{self.topic}/records"

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        # The bytes as they are: what is written as JSON would no longer be what was signed.
        del now
        value, key = _base64(letter.body), None if letter.key is None else _base64(letter.key.encode())
        headers = {"authorization": ready} if isinstance(ready, str) else {}
        record: dict[str, Any]
        if self.cluster_id is None:
            record = {"value": value} if key is None else {"key": key, "value": value}
            headers |= {"content-type": _V2_BINARY, "accept": _V2}
            return Outgoing("POST", self.address, headers, msgspec.json.encode({"records": [record]}))
        record = {
            "value": {"type": "BINARY", "data": value},
            "headers": [{"name": name, "value": _base64(text.encode())} for name, text in letter.headers.items()],
        }
        if key is not None:
            record["key"] = {"type": "BINARY", "data": key}
        headers |= {"content-type": "application/json", "accept": "application/json"}
        return Outgoing("POST", self.address, headers, msgspec.json.encode(record))

    def judge(self, status: int, body: bytes) -> Judgement:
        """Both versions answer 200 and say of each record by itself what became of it."""
        answer = said(body, _Report)
        code = answer.offsets[0].error_code if answer.offsets else answer.error_code
        if code is None or (200 <= status < 300 and code == 200):
            return Judgement(status)
        return refused(status, f"error_code {code}", throttled=code == 429)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
