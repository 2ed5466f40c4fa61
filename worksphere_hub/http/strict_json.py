"""PURE: read JSON as the standard means it, and say where it is wrong."""

import json
import math
import re
from typing import NoReturn

from worksphere_hub.http.depth import check_depth
from worksphere_hub.http.errors import MalformedJson

_SHOWN = 100  # characters of a client's own text in an answer
# A text whose escapes are all sound: any but U+0000 and the surrogates, and those in pairs.
_SOUND_ESCAPES = re.compile(
    r"(?:[^\\]++|\\[^u]|\\u(?!0000|[dD][89a-fA-F])[0-9a-fA-F]{4}"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})*+"
)


def parse_json(body: bytes) -> object:
    """Read one JSON document.

    Python's own reader also takes NaN, infinite numbers, a name given twice, half surrogate pairs and any
    depth: each means something else, or nothing, to the next reader (and PostgreSQL refuses U+0000).
    """
    check_depth(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"{_place(body[: error.start].decode())}: this byte is not UTF-8.") from None
    try:
        value = _decode(text)
    except json.JSONDecodeError as error:
        detail = f"Line {error.lineno}, column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}."
        raise MalformedJson(detail) from None
    except ValueError:
        raise MalformedJson("A number has more digits than the hub reads. Send it as a string.") from None
    _check_escapes(text)
    return value


def _decode(text: str) -> object:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _place(before: str) -> str:
    return f"Line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise MalformedJson(f"The name {twice[:_SHOWN]!r} is given twice in one object. Send it once.")
    return value


def _no_constant(name: str) -> NoReturn:
    raise MalformedJson(f"{name} is not JSON. Send null or a string.")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise MalformedJson(f"The number {digits[:_SHOWN]} is too large. Send it as a string.")
    return number


def _check_escapes(text: str) -> None:
    # Only an escape can smuggle in what UTF-8 and the grammar refuse, and the next reader will refuse it too.
    sound = _SOUND_ESCAPES.match(text)
    assert sound is not None
    if sound.end() == len(text):
        return
    wrong = text[sound.end() : sound.end() + 6]
    why = "cannot be stored; remove it" if wrong == "\\u0000" else "is half a character; send its other half too"
    raise MalformedJson(f"{_place(text[: sound.end()])}: {wrong} {why}.")
