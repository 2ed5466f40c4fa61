"""PURE: evaluating one expression on JSON, within its limits.

Numbers are doubles while something is calculated, as in JavaScript. A number that a double cannot hold exactly (an
integer beyond 2^53 that is not a double, or too many decimals) is never rounded on its way through: it can be
copied, compared by `=` and made a text, and anything else with it fails. `1.10` and `1e2` keep their value, not their
spelling: they come out as `1.1` and `100`; -0 comes out as 0.

Evaluating on JSON text is what the library does fastest from bytes (3 to 5 us a filter on 1 KB, where decoding for
it in Python takes 7), skips the fields that are not read, and lets other threads run meanwhile.
"""

import json
from typing import Any

import jlens
import msgspec

from worksphere_hub.expressions import numbers
from worksphere_hub.expressions.errors import ExpressionFailed, Reason
from worksphere_hub.expressions.limits import ExpressionLimits
from worksphere_hub.expressions.source import OWN_ERRORS, Bounded

_REASONS: dict[str, Reason] = {"D1012": "timeout", "U1006": "steps", "U1001": "too_large", "D1011": "too_deep"}
# The library's own sentences may quote the payload, so these are said instead. By code, else by its first letter.
_WORDS = {
    "D1001": "a number is out of range",
    "D1002": "a minus sign stands before something that is not a number",
    "D1011": "functions call each other too deeply",
    "D1012": "it took too long",
    "D3030": "a value cannot be made a number",
    "D3137": "it called $error",
    "D3141": "an $assert did not hold",
    "T0410": "an argument has the wrong type",
    "T0412": "an argument is an array of the wrong type",
    "T1003": "the key of an object is not a text",
    "T1005": "a function is called that does not exist; did you mean it with a $ before it?",
    "T1006": "what is called is not a function",
    "T2001": "the left side of an operator is not a number",
    "T2002": "the right side of an operator is not a number",
    "T2003": "the left side of a range is not a whole number",
    "T2004": "the right side of a range is not a whole number",
    "T2009": "the two sides of a comparison have different types",
    "T2010": "only numbers and texts can be ordered",
    "U1001": "a value became too large or too deeply nested",
    "U1006": "it took too many steps",
}
_FAMILIES = {"D": "a value does not fit", "T": "a value has the wrong type", "S": "a part of it cannot be read"}
_LONGEST_TEXT = 200
_TRUTH = "$boolean(", ")"
_ENCODER = msgspec.json.Encoder(decimal_format="number")


class Expression:
    """A compiled expression. Immutable; may be used from any thread. Made by `compile_expression`."""

    __slots__ = ("_marks", "_positions", "_program", "_truth", "limits", "source", "volatile")

    def __init__(self, source: str, bounded: Bounded, limits: ExpressionLimits) -> None:
        """`source` as it was written, `bounded` what is evaluated. Raises JlensError if that does not compile."""
        self.source = source
        self.limits = limits
        # Whether it asks for the time or for chance: then the same value may give different results.
        self.volatile = bounded.volatile
        self._marks = bounded.marked
        self._positions = not bounded.changed
        self._program = jlens.Expression(bounded.text)
        self._truth = jlens.Expression(bounded.text.join(_TRUTH))

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expression) and (self.source, self.limits) == (other.source, other.limits)

    def __hash__(self) -> int:
        return hash((self.source, self.limits))

    def evaluate(self, value: Any) -> Any:
        """Decoded JSON in, decoded JSON out; None for nothing too. Inexact decimals come as Decimal.

        Raises ExpressionFailed.
        """
        result = self._run(self._program, _encode(value))
        if result is None:
            return None
        if numbers.may_be_inexact(result):
            return json.loads(result, parse_float=numbers.read_number)
        return msgspec.json.decode(result)

    def truth(self, value: Any) -> bool:
        """Whether the result counts as true: not for nothing, null, false, 0, "", {}, [] or a list of only such."""
        return self._run(self._truth, _encode(value)) == b"true"

    def shape_bytes(self, body: bytes, *, now: str | None = None, seed: int | None = None) -> bytes | None:
        """JSON in, compact JSON out; None if the result is nothing at all. Raises ExpressionFailed.

        `now` (ISO 8601, with zone) and `seed` (0 up to 2^63) fix the time and chance of a volatile expression.
        """
        return self._run(self._program, body, now, seed)

    def truth_bytes(self, body: bytes, *, now: str | None = None, seed: int | None = None) -> bool:
        """`truth` of the bytes of a JSON value. Raises ExpressionFailed."""
        return self._run(self._truth, body, now, seed) == b"true"

    def _run(
        self, program: jlens.Expression, body: bytes, now: str | None = None, seed: int | None = None
    ) -> bytes | None:
        try:
            marked = numbers.mark(body)
            text = body.decode() if marked is None else marked
        except UnicodeDecodeError:
            raise ExpressionFailed("input", "The value is not JSON in UTF-8.") from None
        except ValueError:
            raise ExpressionFailed(
                "inexact", "The value has a number of more than 15 digits beside the character U+FDD0."
            ) from None
        result = self._call(program, text, now, seed)
        if result is None or not (marked is not None or self._marks):
            return None if result is None else result.encode()
        try:
            return numbers.restore(result).encode()
        except ValueError:
            raise ExpressionFailed(
                "inexact", "A number of more than 15 digits can be copied, but it was taken apart."
            ) from None

    def _call(self, program: jlens.Expression, text: str, now: str | None, seed: int | None) -> str | None:
        limits = self.limits
        try:
            return program.evaluate_json(
                text,
                timeout=limits.timeout / 1000,
                max_depth=limits.depth,
                max_steps=limits.steps,
                max_string_length=limits.string,
                max_array_length=limits.array,
                max_result_size=limits.result,
                # Reading a fixed time costs more than most evaluations.
                now=now if self.volatile else None,
                seed=seed if self.volatile else None,
            )
        except jlens.JlensError as error:
            raise self._failure(error, 0 if program is self._program else len(_TRUTH[0])) from None
        except ValueError:
            raise ExpressionFailed("input", "The value is not JSON that can be read.") from None
        except BaseException as error:
            # A panic in the library is no Exception, and must not end the process any more than an error would.
            if type(error).__name__ != "PanicException":
                raise
            raise ExpressionFailed("error", "The expression cannot be evaluated on this value.") from None

    def _failure(self, error: jlens.JlensError, shift: int) -> ExpressionFailed:
        """What went wrong in our words: the error's own text may quote the payload."""
        if error.code == "D3137" and str(error) in OWN_ERRORS:
            return ExpressionFailed("too_large", OWN_ERRORS[str(error)])
        words = _WORDS.get(error.code) or _FAMILIES.get(error.code[:1], "it cannot be evaluated")
        where = ""
        # A token may be a value; what stands in the source is no secret of the payload.
        if error.token and error.token in self.source:
            where = f" at `{error.token}`"
        if self._positions and error.start is not None:
            where += f" (character {error.start - shift + 1})"
        text = f"The expression failed{where}: {words} [{error.code}]."
        return ExpressionFailed(_REASONS.get(error.code, "error"), text[:_LONGEST_TEXT])


def _encode(value: Any) -> bytes:
    try:
        try:
            return _ENCODER.encode(value)
        except OverflowError:
            # An integer of more than 64 bits.
            return json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise ExpressionFailed("input", "The value is not JSON.") from None
