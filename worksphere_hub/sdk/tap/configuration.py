"""PURE: a program's configuration, of what is in the settings and what was entered, and which of it is secret."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from worksphere_hub.sdk.errors import BadSettings


def configuration(settings: Mapping[str, Any], credential: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The whole of it, and the secrets in it. What was entered stands over what is in the settings.

    Raises BadSettings.
    """
    text = credential.get("config") or "{}"
    try:
        entered = msgspec.json.decode(text)
    except msgspec.DecodeError:
        entered = None
    if not isinstance(entered, dict):
        raise BadSettings("What was entered as the secret part of the configuration is no JSON object.")
    secret = cast("dict[str, Any]", entered)
    return {**settings.get("config", {}), **secret}, list(_texts(secret))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
