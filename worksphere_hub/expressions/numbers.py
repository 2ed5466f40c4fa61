"""PURE: numbers that a double cannot hold travel through an expression untouched.

The language calculates with doubles, as JavaScript does: 9007199254740993 would silently become 9007199254740992.
So before an evaluation each such number is replaced by a small object that carries its digits, and afterwards put
back. The expression can copy it, compare it by `=` and make a text of it; to add, sort or order it is an error.
"""

import re
from decimal import Decimal, InvalidOperation

# A noncharacter of Unicode, which no text uses.
MARK = "\ufdd0"

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
# A double holds every number of up to 15 digits. So that a message is not read token by token for nothing, it is
# reduced to what matters (digits to 0, what a number can follow to a colon), in which two patterns are looked for.
_REDUCED = bytes.maketrans(b"0123456789.eE-+:,[ \t\n\r", b"00000000000ee--:::::::")
_SUSPECT = re.compile(rb":-?0(?:0{15}|0*e)")
_TOKEN = re.compile(rf'"(?:[^"\\]|\\.)*"|{_NUMBER}')
# At any depth of quoting: an object, or the text of one within a string.
_MARKED = re.compile(rf'\{{(\\*)"{MARK}\1":\1"{MARK}({_NUMBER})\1"\}}')
_FORGED = re.compile(rf"{MARK}|\\ufdd0", re.IGNORECASE)


def is_exact(number: str) -> bool:
    """Whether a JSON number keeps its value as a double that is written out again."""
    if len(number) <= 15 and "e" not in number and "E" not in number:
        return True
    as_double = float(number)
    try:
        # An exponent beyond Decimal's own range becomes infinity or zero here, so zero is looked at by its digits.
        return Decimal(repr(as_double)) == Decimal(number) and (as_double != 0 or not _has_value(number))
    except InvalidOperation:
        return False


def may_be_inexact(body: bytes) -> bool:
    """Whether it is worth looking for such numbers in JSON: quick, and wrong in one direction only."""
    reduced = b":" + body.translate(_REDUCED)
    if b"0000000000000000" not in reduced and b"0e" not in reduced:
        return False
    return _SUSPECT.search(reduced) is not None


def marked(number: str) -> str:
    """The JSON text that stands for a number that is not exact."""
    return f'{{"{MARK}":"{MARK}{number}"}}'


def mark(body: bytes) -> str | None:
    """JSON with every number that is not exact replaced, or None where there is none.

    Raises ValueError if the body is not UTF-8, or has the mark in it beside such a number: nobody can forge one.
    """
    if not may_be_inexact(body):
        return None
    text = body.decode()
    replaced = _TOKEN.sub(_mark_token, text)
    if replaced == text:
        return None
    if has_mark(text):
        raise ValueError("the mark is in the text already")
    return replaced


def restore(text: str) -> str:
    """The JSON text with the numbers put back. Raises ValueError if an expression took one of them apart."""
    restored = _MARKED.sub(r"\2", text)
    if has_mark(restored):
        raise ValueError("a marked number was taken apart")
    return restored


def has_mark(text: str) -> bool:
    """Whether the mark is in a text, as itself or escaped."""
    return _FORGED.search(text) is not None


def read_number(number: str) -> float | Decimal:
    """A JSON number with decimals as a float where that is exact, else as a Decimal."""
    return float(number) if is_exact(number) else Decimal(number)


def _mark_token(match: re.Match[str]) -> str:
    token = match[0]
    return token if token[0] == '"' or is_exact(token) else marked(token)


def _has_value(number: str) -> bool:
    mantissa = re.split("[eE]", number)[0]
    return mantissa.strip("-0.") != ""
