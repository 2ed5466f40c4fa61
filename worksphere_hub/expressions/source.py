"""PURE: what the library of the language cannot bound is bounded in the source.

A range `[a..b]` is allocated before its size is compared with a limit, and so is what `$replace` makes; `$distinct`
compares each item with each without looking at the clock; `$eval` would go around all of this. So ranges go through
a function that looks at the width first, `$replace` and `$distinct` are wrapped, and `$eval` is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from worksphere_hub.expressions.errors import ExpressionRefused
from worksphere_hub.expressions.limits import ExpressionLimits
from worksphere_hub.expressions.numbers import has_mark, is_exact, marked

# A name goes on until a blank or an operator: it may hold a quote in its middle, as in the language itself.
_LEXEME = re.compile(
    r"""
    (?P<blank>[\ \t\n\r\v]+|/\*.*?\*/)
  | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
  | (?P<number>(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<operator>\.\.|\*\*|:=|!=|<=|>=|~>|\?:|\?\?|[.\[\]{}(),@#;:?+\-*/%|=<>^&!~])
  | (?P<name>[^\ \t\n\r\v.\[\]{}(),@\#;:?+\-*/%|=<>^&!~]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_FLAGS = re.compile("[im]*")
_EVAL = re.compile(r"\$eval(?![A-Za-z0-9_])")
_VOLATILE = re.compile(r"\$(?:now|millis|random|shuffle)(?![A-Za-z0-9_])")

# What the functions put around an expression say when they stop it, and what is told to people.
OWN_ERRORS = {
    "hub: range": "A range has too many items.",
    "hub: distinct": "$distinct was given too many items.",
    "hub: replace": "$replace would make a text that is too large.",
}
_RANGE = '$hub_range := function($from, $to) {{ $to - $from >= {width} ? $error("hub: range") : [$from..$to] }}; '
_DISTINCT = (
    "$distinct := (function($native) {{ function($items)<x:x> {{"
    ' $count($items) > {items} ? $error("hub: distinct") : $native($items) }} }})($distinct); '
)
# No result within the limit is refused: what is replaced was within it too. How often is counted by leaving it out.
_REPLACE = (
    "$replace := (function($native) {{ function($text, $old, $new, $most)<s-(sf)(sf)n?:s> {{"
    ' $type($old) = "string" and $type($new) = "string" and $length($text) * $length($new) > {length}'
    ' and ($length($text) - $length($native($text, $old, ""))) / $length($old) * $length($new) > {length}'
    ' ? $error("hub: replace") : $native($text, $old, $new, $most) }} }})($replace); '
)


@dataclass(frozen=True, slots=True)
class Bounded:
    """A source made safe: the text to compile, and whether it differs, marks numbers, asks for time or chance."""

    text: str
    changed: bool
    marked: bool
    volatile: bool


@dataclass(slots=True)
class _Bracket:
    """An open bracket: where its current item begins in the output, and whether a range was seen in that item."""

    opened: str
    item: int
    ranged: bool = False


@dataclass(slots=True)
class _Writer:
    """The output so far, and what the reader knows at this point."""

    out: list[str] = field(default_factory=list[str])
    open: list[_Bracket] = field(default_factory=list[_Bracket])
    # Whether what was read last is a value, so that an operator follows; and whether it is the sign of a number.
    operand: bool = False
    negative: bool = False
    ranges: bool = False
    marked: bool = False
    looks_in: bool = False


def bound(source: str, limits: ExpressionLimits) -> Bounded:
    """Rewrite a source that compiles. Raises ExpressionRefused for what must not be written at all."""
    if has_mark(source):
        raise ExpressionRefused("The character U+FDD0 cannot be used in an expression.")
    if found := _EVAL.search(source):
        raise ExpressionRefused("$eval is not available: an expression must be known when it is saved.", found.start())
    writer = _Writer()
    for position, kind, lexeme in _lexemes(source, writer):
        _write(writer, position, kind, lexeme, limits)
    if writer.marked and writer.looks_in:
        raise ExpressionRefused(
            "`in` cannot look for a number of more than 15 digits; compare by = instead, as in $exists(list[$ = id])."
        )
    head = _RANGE.format(width=limits.array) if writer.ranges else ""
    if "$distinct" in source:
        head += _DISTINCT.format(items=limits.distinct)
    if "$replace" in source:
        head += _REPLACE.format(length=2 * limits.string)
    body = "".join(writer.out)
    # No brackets of its own for the body: a regular expression may stand after a semicolon, not after a bracket.
    text = f"({head}{body})" if head else body
    return Bounded(text, text != source, writer.marked, _VOLATILE.search(source) is not None)


def _lexemes(source: str, writer: _Writer) -> Iterator[tuple[int, str, str]]:
    """Position, kind and text of each lexeme; the writer has seen all before it when it is given out."""
    position = 0
    while position < len(source):
        match = _LEXEME.match(source, position)
        if match is None or match.lastgroup is None:
            raise ExpressionRefused("This cannot be read.", position)
        kind, lexeme = match.lastgroup, match[0]
        if lexeme == "/" and not writer.operand:
            kind, lexeme = "regex", source[position : _regex_end(source, position)]
        yield position, kind, lexeme
        if kind != "blank":
            _advance(writer, kind, lexeme)
        position += len(lexeme)


def _advance(writer: _Writer, kind: str, lexeme: str) -> None:
    """Note what was read: what comes before a slash decides whether it divides."""
    before = writer.operand
    writer.negative = lexeme == "-" and not before
    if kind == "operator":
        # * and ** and % are wildcards and the parent where a value could stand, else they calculate.
        writer.operand = lexeme in {")", "]", "}"} or (lexeme in {"*", "**", "%"} and not before)
    else:
        joins = kind == "name" and before and lexeme in {"and", "or", "in"}
        writer.operand = not joins
        writer.looks_in |= joins and lexeme == "in"


def _regex_end(source: str, start: int) -> int:
    """Where a regular expression ends, its flags included. A slash within brackets does not end it."""
    depth, position = 0, start + 1
    while position < len(source):
        character = source[position]
        if source[position - 1] != "\\":
            if character == "/" and depth == 0:
                flags = _FLAGS.match(source, position + 1)
                return flags.end() if flags else position + 1
            depth += (character in "([{") - (character in ")]}")
        position += 1
    raise ExpressionRefused("This regular expression does not end.", start)


def _write(writer: _Writer, position: int, kind: str, lexeme: str, limits: ExpressionLimits) -> None:
    out = writer.out
    if kind == "number" and not is_exact(lexeme):
        writer.marked = True
        if writer.negative:
            while out.pop() != "-":
                pass
        out.append(marked("-" + lexeme if writer.negative else lexeme))
        return
    if kind != "operator":
        out.append(lexeme)
        return
    top = writer.open[-1] if writer.open else None
    if lexeme == ".." and top is not None:
        _begin_range(writer, top, position)
        return
    if top is not None and lexeme in {",", "]"} and top.ranged:
        _refuse_wide("".join(out[top.item :]), position, limits)
        out.append(")")
        top.ranged = False
    if lexeme in {")", "]", "}"} and writer.open:
        writer.open.pop()
    out.append(lexeme)
    if lexeme in {"(", "[", "{"}:
        writer.open.append(_Bracket(lexeme, len(out)))
    elif lexeme == "," and top is not None:
        top.item = len(out)


def _begin_range(writer: _Writer, top: _Bracket, position: int) -> None:
    if top.opened != "[" or top.ranged:
        raise ExpressionRefused("A range is written [from..to].", position)
    writer.out.insert(top.item, "$hub_range(")
    writer.out.append(",")
    top.ranged = writer.ranges = True


def _refuse_wide(call: str, position: int, limits: ExpressionLimits) -> None:
    """Refuse a range between two literals that is too wide; others are looked at when they are evaluated."""
    ends = re.fullmatch(r"\$hub_range\(\s*(-?\s*[0-9]+)\s*,\s*(-?\s*[0-9]+)\s*", call)
    if ends is None:
        return
    low, high = (int("".join(end.split())) for end in ends.groups())
    if high - low >= limits.array:
        raise ExpressionRefused(
            f"The range [{low}..{high}] has {high - low + 1} items; {limits.array} are allowed.", position
        )
