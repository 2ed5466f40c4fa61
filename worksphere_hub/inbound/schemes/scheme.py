"""PURE: what a scheme is given, what it answers, and the comparisons that all of them share."""

import binascii
import hashlib
import hmac
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field

from worksphere_hub.inbound.schemes.pointer import POINTER_RULE, look_up, read_json

SHORTEST_SECRET = 12
LONGEST_SECRET = 512
ID_LENGTH = 255

# What sits in a request that is not verified may be anything; this much of it is worth reading.
_MOST_PARAMETERS = 1_000

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$", examples=["X-Signature"])]
Pointer = Annotated[str, Field(pattern=POINTER_RULE, max_length=200, examples=["/data/id"])]


class Refused(Exception):
    """The request does not prove that it is the provider's; `reason` is for its owner, never for who sent it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class WeakSecret(ValueError):
    """A secret that a scheme cannot work with; the message says what it wants and nothing of the secret."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived. Header names are lower case; `now` is in seconds since 1970, `tolerance` in seconds.

    `urls` are the addresses that the provider may have called it by; `by_proxy` says that the connection came from a
    trusted proxy, whose headers about the client may be believed.
    """

    method: str
    urls: tuple[str, ...]
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    now: float
    tolerance: int = 300
    by_proxy: bool = False

    def header(self, name: str) -> str | None:
        """A header's one value. Given twice it is refused: another reader might take the other one."""
        values = [value for key, value in self.headers if key == name.lower()]
        if len(values) > 1:
            raise Refused("signature_malformed")
        return values[0] if values else None

    def required(self, name: str) -> str:
        """A header that has to be there."""
        value = self.header(name)
        if not value:
            raise Refused("signature_missing")
        return value

    def parameter(self, name: str) -> str | None:
        """A query parameter's one value."""
        values = [value for key, value in parameters(self.query.encode("latin-1")) if key == name]
        if len(values) > 1:
            raise Refused("signature_malformed")
        return values[0] if values else None

    def within_tolerance(self, seconds: float) -> None:
        """Refuse a signed moment too far from now, on either side."""
        if abs(self.now - seconds) > self.tolerance:
            raise Refused("out_of_time")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a challenge wants to hear."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Verified:
    """The request is the provider's. `event_id` tells repetitions; with an `answer` it was only a challenge.

    `proven` is False for a challenge that anybody could have sent: it is answered, and leaves no trace. A message is
    answered with its `acknowledgement`, where the provider insists on one, and kept as it came or as `kept`, where what
    came holds a secret.
    """

    event_id: str | None = None
    answer: Answer | None = None
    proven: bool = True
    acknowledgement: Answer | None = None
    kept: bytes | None = field(default=None, repr=False)


class Scheme(BaseModel, ABC):
    """A scheme and what it is told besides its secrets, which are handed to `verify` and never empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    takes_secret: ClassVar[bool] = True
    # Whether the hub may choose the secret, because the provider lets its customers enter one.
    mints_secret: ClassVar[bool] = False

    def check_secret(self, secret: str) -> None:
        """Raise WeakSecret for one that anybody could guess or the scheme cannot use."""
        if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or not secret.isprintable():
            raise WeakSecret(f"needs {SHORTEST_SECRET} to {LONGEST_SECRET} printable characters")

    @abstractmethod
    def verify(self, received: Received, secrets: Sequence[str]) -> Verified:
        """Answer what the request is; raises Refused."""

    def hidden_headers(self) -> frozenset[str]:
        """Headers, in lower case, that carry a secret and are not stored."""
        return frozenset()

    def hidden_parameters(self) -> frozenset[str]:
        """Query parameters that carry a secret and are not stored."""
        return frozenset()


class Identified(Scheme):
    """A scheme that has to be told where the provider's event id is, and whether it sends a challenge."""

    id_header: HeaderName | None = Field(default=None, description="Header with the provider's event id.")
    id_pointer: Pointer | None = Field(default=None, description="JSON pointer to the event id in the body.")
    echo_parameter: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=64,
            description="Query parameter whose value is answered, as plain text, when nothing else is sent: the "
            "challenge of Meta (`hub.challenge`), Microsoft Graph (`validationToken`), Dropbox (`challenge`).",
        ),
    ] = None

    def identity(self, received: Received) -> str | None:
        """The provider's event id, where the configuration says."""
        found = received.header(self.id_header) if self.id_header else None
        if not found and self.id_pointer is not None:
            found = text_at(received.body, self.id_pointer)
        return fit_id(found)

    def challenge(self, received: Received) -> Verified | None:
        """The answer to a challenge. It carries no proof: who asks knows the address, and is told what he sent."""
        if self.echo_parameter is None or received.body:
            return None
        value = received.parameter(self.echo_parameter)
        if value is None or len(value) > 4096:
            return None
        return Verified(answer=Answer("text/plain; charset=utf-8", value.encode("utf-8", "replace")), proven=False)


def fits(given: str, expected: Iterable[str]) -> bool:
    """Whether `given` is one of `expected`, as text: a second spelling of the same bytes is no proof.

    Every one is compared, in a time that does not tell which came close.
    """
    found = False
    offered = given.encode("utf-8", "surrogatepass")
    for each in expected:
        found |= hmac.compare_digest(offered, each.encode())
    return found


def require_fit(given: str, expected: Iterable[str]) -> None:
    """Refuse what is not one of `expected`."""
    if not fits(given, expected):
        raise Refused("signature_wrong")


def hex_hmac(key: bytes, content: bytes, algorithm: str = "sha256") -> str:
    """HMAC in lower-case hex."""
    return hmac.digest(key, content, algorithm).hex()


def base64_hmac(key: bytes, content: bytes, algorithm: str = "sha256") -> str:
    """HMAC in base64."""
    return binascii.b2a_base64(hmac.digest(key, content, algorithm), newline=False).decode()


def whole_seconds(text: str) -> int:
    """A timestamp of plain digits: one spelling an instant."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15) or text != str(int(text)):
        raise Refused("signature_malformed")
    return int(text)


def fingerprint(*parts: bytes) -> str:
    """An event id for a message that has none of its own: what was signed names it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"%d:" % len(part) + part)
    return f"sha256:{digest.hexdigest()}"


def fit_id(text: str | None) -> str | None:
    """An event id that can be stored: one that is too long or odd by its digest, an empty one not at all."""
    if not text:
        return None
    if len(text) <= ID_LENGTH and text.isprintable() and _is_encodable(text):
        return text
    return fingerprint(text.encode("utf-8", "surrogatepass"))


def text_at(body: bytes, pointer: str) -> str | None:
    """The text or whole number at a place in a JSON body; None when there is neither."""
    value = look_up(read_json(body), pointer)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value)


def parameters(encoded: bytes) -> list[tuple[str, str]]:
    """Read `a=1&b=2`, the blank values too. Raises Refused for what is no such thing."""
    try:
        text = encoded.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError:
        raise Refused("signature_malformed") from None


def signatures(secrets: Sequence[str], content: bytes, write: Callable[[bytes, bytes], str]) -> list[str]:
    """What each secret, taken as text, would have signed."""
    return [write(secret.encode(), content) for secret in secrets]


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
