"""PURE: an S3 bucket, or another that speaks the same: one object a message."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar
from urllib.parse import quote
from uuid import UUID

from msgspec import Meta

from worksphere_hub import ids
from worksphere_hub.clouds.request import Outgoing
from worksphere_hub.webhooks.destinations.aws import EndpointUrl, Regional, domain
from worksphere_hub.webhooks.destinations.destination import Letter, Ready

# Dots alone between slashes would be taken out of the path on its way.
_PREFIX = r"^(?!/)(?!(.*/)?\.{1,2}(/|$))[A-Za-z0-9!_.*'()/ -]*$"


class S3(Regional, frozen=True, kw_only=True, tag="aws_s3"):
    """Objects `{prefix}2026/11/24/{event id}.json`, by the day of the event: a second attempt replaces the first."""

    service: ClassVar[str] = "s3"

    bucket: Annotated[str, Meta(min_length=3, max_length=63, pattern=r"^[a-z0-9][a-z0-9.-]*[a-z0-9]$")]
    prefix: Annotated[str, Meta(max_length=500, pattern=_PREFIX)] = ""
    endpoint_url: EndpointUrl | None = None

    @property
    def address(self) -> str:
        """A bucket has a host of its own, unless its name would not fit the certificate."""
        if self.endpoint_url is not None:
            return f"{self.endpoint_url.rstrip('/')}/{self.bucket}/"
        host = f"s3.{self.region}.{domain(self.region)}"
        return f"https://{host}/{self.bucket}/" if "." in self.bucket else f"https://{self.bucket}.{host}/"

    def request(self, letter: Letter, ready: Ready, now: datetime) -> Outgoing:
        day = made_at(letter.event).strftime("%Y/%m/%d")
        url = self.address + quote(f"{self.prefix}{day}/{ids.encode('evt', letter.event)}.json", safe="/-_.~")
        headers = {"content-type": "application/json"} | {
            f"x-amz-meta-{name}": value for name, value in letter.headers.items()
        }
        return self.proven(Outgoing("PUT", url, headers, letter.body), ready, now)


def made_at(event: UUID) -> datetime:
    """When a UUIDv7 was made."""
    return datetime.fromtimestamp((event.int >> 80) / 1000, UTC)
