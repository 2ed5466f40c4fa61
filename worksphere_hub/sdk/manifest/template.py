"""PURE: texts with names in them: `https://${settings.subdomain}.example.com`, `Bearer ${token.access_token}`.

A template fills in values and does nothing else; what has to be worked out is an expression's part. A name that has no
value fails the whole text: half a URL or an empty password must never be sent.
"""

import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"\$\{([a-z][a-z_]*(?:\.[A-Za-z][A-Za-z0-9_-]*)+)\}")
_OPEN = re.compile(r"\$\{")


class TemplateFailed(ValueError):
    """A template names what has no value; `name` is the first such name."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no value for {name}.")


def names(text: str) -> list[str]:
    """The names in a template, in order. Raises ValueError when a `${` begins no name."""
    found = _NAME.findall(text)
    if len(found) != len(_OPEN.findall(text)):
        raise ValueError("holds a ${ that begins no name such as ${settings.subdomain}")
    return found


def fill(text: str, values: Mapping[str, Any]) -> str:
    """The text with each name replaced by its value, a text, number or truth value. Raises TemplateFailed."""
    return _NAME.sub(lambda found: _value(found[1], values), text)


def _value(name: str, values: Mapping[str, Any]) -> str:
    at: Any = values
    for part in name.split("."):
        if not isinstance(at, Mapping) or part not in at:
            raise TemplateFailed(name)
        at = at[part]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(at, bool):
        return "true" if at else "false"
    if isinstance(at, str | int | float):
        return str(at)
    raise TemplateFailed(name)
