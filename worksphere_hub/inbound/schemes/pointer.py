"""PURE: find one value in a JSON document by its JSON pointer (RFC 6901)."""

from typing import cast

from worksphere_hub.errors import HubError
from worksphere_hub.http.strict_json import parse_json

POINTER_RULE = r"^(/([^~/\x00-\x1f]|~[01])*)+$"


def read_json(body: bytes) -> object | None:
    """A JSON document; None when the bytes are none, or one that the hub does not read."""
    try:
        return parse_json(body)
    except HubError:
        return None


def look_up(document: object, pointer: str) -> object | None:
    """The value at `pointer`; None when there is none."""
    value = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = cast("dict[str, object]", value).get(name)
        elif isinstance(value, list):
            items = cast("list[object]", value)
            plain = name.isascii() and name.isdigit() and len(name) < 10 and name == str(int(name))
            value = items[int(name)] if plain and int(name) < len(items) else None
        else:
            return None
    return value
