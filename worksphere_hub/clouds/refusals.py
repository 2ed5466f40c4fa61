"""PURE: what Amazon and Google say no with."""

import re
from typing import TypeVar

import msgspec

Answer = TypeVar("Answer", bound=msgspec.Struct)

_THROTTLED = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException", "KMSThrottlingException", "KmsThrottled",
        "LimitExceededException", "RequestLimitExceeded", "OverLimit", "SlowDown", "RESOURCE_EXHAUSTED",
    }
)  # fmt: skip
_XML_CODE = re.compile(rb"<Code>([A-Za-z0-9_.]{1,100})</Code>")


class _Amazon(msgspec.Struct):
    type: str | None = msgspec.field(default=None, name="__type")
    code: str | None = None


class _Error(msgspec.Struct):
    status: str = ""


class _Google(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


def said(body: bytes, kind: type[Answer]) -> Answer:
    """What an answer says, all of whose fields have defaults: what is not of this kind says nothing."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, RecursionError):
        return kind()


def amazon_code(body: bytes) -> str:
    """Amazon's word for a refusal, in JSON or XML; empty where there is none."""
    found = _XML_CODE.search(body[:4096])
    if found:
        return found[1].decode()
    answer = said(body, _Amazon)
    return bare(answer.type or answer.code or "")


def bare(code: str) -> str:
    """`com.amazonaws.sqs#QueueDoesNotExist` without what stands before: the service's own namespace."""
    return code.rpartition("#")[2]


def google_code(body: bytes) -> str:
    """Google's word for a refusal; empty where there is none."""
    return said(body, _Google).error.status


def is_throttled(code: str) -> bool:
    """Whether a word means that it was too much, whatever status it came with."""
    return code in _THROTTLED
