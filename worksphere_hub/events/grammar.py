"""PURE: what an event's type, a pattern over types and a publisher's own id look like."""

import re

TYPE_LIMIT = 128
KEY_LIMIT = 64
ORDERING_KEY_LIMIT = 128
MOST_CHANNELS = 5

_TYPE = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*\Z")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_CHANNEL = re.compile(r"[A-Za-z0-9_.:-]{1,64}\Z")
_ATTRIBUTE = re.compile(r"data(?:\.[A-Za-z0-9_-]{1,64}){1,8}\Z")
_OUR_ID = re.compile(r"evt_[0-9a-f]{32}\Z")

TYPE_RULE = "must be words of letters, digits and _, joined by dots, 128 characters at most, e.g. invoice.paid"
PATTERN_RULE = "must be an event type, a prefix such as invoice.*, or * for all"
TYPE_FILTER_RULE = "must be an event type or a prefix such as invoice.*"
KEY_RULE = "must be 1 to 64 letters, digits, _ or -"
CHANNEL_RULE = "must be 1 to 64 letters, digits, _ . : or -"
CHANNELS_RULE = "must be 1 to 5 names of 1 to 64 letters, digits, _ . : or -"
ORDERING_KEY_RULE = "must have 1 to 128 characters, none of them a control character"
HUB_PREFIX = "hub."
HUB_TYPE_RULE = "begins with hub., which is kept for the hub's own events; choose another name"
# `GET /v1/event-types/asyncapi` is a document, so no event type can be there.
TAKEN_NAMES = frozenset({"asyncapi"})
ATTRIBUTE_RULE = "must be a path below data such as data.customer.id, with at most 8 names of letters, digits, _ or -"
RESERVED_RULE = "has the form of ids the hub gives out; choose another or leave it out"


def is_event_type(text: str) -> bool:
    """Whether `text` is an event type (the Standard Webhooks grammar)."""
    return len(text) <= TYPE_LIMIT and _TYPE.match(text) is not None


def is_hub_type(text: str) -> bool:
    """Whether `text` names one of the hub's own operational events, which nobody else may publish or define."""
    return text.startswith(HUB_PREFIX)


def is_attribute(text: str) -> bool:
    """Whether `text` is a path into an event's data by which it can be searched."""
    return _ATTRIBUTE.match(text) is not None


def is_pattern(text: str) -> bool:
    """Whether `text` can stand in an endpoint's list of event types."""
    return text == "*" or is_event_type(text.removesuffix(".*"))


def is_type_filter(text: str) -> bool:
    """Whether events can be searched by `text`: a type, or a prefix such as `invoice.*`."""
    return is_event_type(text.removesuffix(".*"))


def span(text: str) -> tuple[str, str]:
    """The types that a filter stands for: in the order of bytes, from the first on and before the second."""
    if text.endswith(".*"):
        return text[:-1], f"{text[:-2]}/"
    return text, f"{text} "


def is_channel(text: str) -> bool:
    """Whether `text` can be the name of a channel."""
    return _CHANNEL.match(text) is not None


def are_channels(names: list[str]) -> bool:
    """Whether an event can be published on these channels."""
    return 1 <= len(names) <= MOST_CHANNELS and all(is_channel(name) for name in names)


def is_ordering_key(text: str) -> bool:
    """Whether `text` can name the queue that an event goes through."""
    return 1 <= len(text) <= ORDERING_KEY_LIMIT and text.isprintable()


def is_key(text: str) -> bool:
    """Whether `text` can be a publisher's own event id. No dot: the id is a part of what is signed, joined by dots."""
    return _KEY.match(text) is not None


def is_reserved(text: str) -> bool:
    """Whether `text` looks like an id of the hub's own."""
    return _OUR_ID.match(text) is not None


def matches(event_type: str, patterns: list[str]) -> bool:
    """Whether an event type matches one of the patterns, as `hub.event_type_matches()` decides it."""
    return any(
        pattern == event_type
        or (pattern == "*" and not event_type.startswith("hub."))
        or (pattern.endswith(".*") and event_type.startswith(pattern[:-1]))
        for pattern in patterns
    )
