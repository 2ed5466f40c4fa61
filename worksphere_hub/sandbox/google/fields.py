"""PURE: partial answers: `nextPageToken,files(id,name,owners/emailAddress)`."""

import re
from typing import Any

_TOKEN = re.compile(r"[A-Za-z0-9_\-*]+|[(),/]")
Mask = dict[str, Any]


class WrongFields(Exception):
    """The selection cannot be read."""


def parse(text: str) -> Mask:
    """A selection as a tree; an empty branch means all of it. Raises WrongFields."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
        raise WrongFields(text)
    tree, rest = _list(tokens)
    if rest:
        raise WrongFields(text)
    return tree


def cut(value: Any, tree: Mask) -> Any:
    """What of a value is selected. Names that are not there are passed over, as Google does for most."""
    if not tree or "*" in tree:
        return value
    if isinstance(value, list):
        return [cut(one, tree) for one in value]  # pyright: ignore[reportUnknownVariableType] - JSON
    if isinstance(value, dict):
        return {name: cut(value[name], branch) for name, branch in tree.items() if name in value}
    return value


def _list(tokens: list[str]) -> tuple[Mask, list[str]]:
    tree: Mask = {}
    while True:
        if not tokens or tokens[0] in "(),/":
            raise WrongFields(" ".join(tokens))
        name, tokens = tokens[0], tokens[1:]
        branch: Mask = {}
        if tokens and tokens[0] == "/":
            branch, tokens = _path(tokens[1:])
        elif tokens and tokens[0] == "(":
            branch, tokens = _list(tokens[1:])
            if not tokens or tokens[0] != ")":
                raise WrongFields("a bracket is open")
            tokens = tokens[1:]
        tree[name] = {**tree.get(name, {}), **branch}
        if not tokens or tokens[0] != ",":
            return tree, tokens
        tokens = tokens[1:]


def _path(tokens: list[str]) -> tuple[Mask, list[str]]:
    """After a slash comes one name, which may go on with a slash or a bracket of its own."""
    if not tokens:
        raise WrongFields("a path ends with a slash")
    name, rest = tokens[0], tokens[1:]
    if rest and rest[0] == "/":
        branch, rest = _path(rest[1:])
        return {name: branch}, rest
    if rest and rest[0] == "(":
        branch, rest = _list(rest[1:])
        if not rest or rest[0] != ")":
            raise WrongFields("a bracket is open")
        return {name: branch}, rest[1:]
    return {name: {}}, rest
