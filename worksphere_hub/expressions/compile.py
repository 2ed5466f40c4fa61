"""PURE: from the text of an expression to an `Expression`, refused with its reason where it cannot be one."""

from functools import lru_cache
from typing import Any

import jlens

from worksphere_hub.expressions.errors import ExpressionFailed, ExpressionRefused
from worksphere_hub.expressions.expression import Expression
from worksphere_hub.expressions.limits import DEFAULT_LIMITS, ExpressionLimits
from worksphere_hub.expressions.source import bound

_CACHED = 1024
# A busy machine may take a trial's milliseconds away once, hardly three times.
_TRIALS = 3
_ENDLESS = {
    "timeout": "it does not end in time",
    "steps": "it does not end in time",
    "too_large": "what it makes is too large",
    "too_deep": "its functions call each other without end",
}


def compile_expression(source: str, limits: ExpressionLimits = DEFAULT_LIMITS, *, sample: Any = None) -> Expression:
    """Compile an expression that somebody wants to save, and try it on `sample` (decoded JSON; `{}` without one).

    That it fails for want of data is fine; that it runs into its limits is not. Raises ExpressionRefused.
    """
    expression = load_expression(source, limits)
    _try({} if sample is None else sample, expression)
    return expression


def load_expression(source: str, limits: ExpressionLimits = DEFAULT_LIMITS) -> Expression:
    """Compile an expression that was saved before, without trying it. Raises ExpressionRefused."""
    return _compiled(source, limits)


@lru_cache(_CACHED)
def _compiled(source: str, limits: ExpressionLimits) -> Expression:
    if len(source) > limits.source:
        raise ExpressionRefused(f"The expression has {len(source)} characters; {limits.source} are allowed.")
    if not source.strip():
        raise ExpressionRefused("The expression is empty; leave it out instead.")
    try:
        # First as it was written, so that positions are right and only what compiles is rewritten.
        jlens.Expression(source)
        return Expression(source, bound(source, limits), limits)
    except jlens.JlensError as error:
        raise ExpressionRefused(f"{_sentence(error)} [{error.code}]", error.start) from None


def _try(sample: Any, expression: Expression) -> None:
    for trial in range(1, _TRIALS + 1):
        try:
            expression.evaluate(sample)
        except ExpressionFailed as failure:
            if failure.reason == "timeout" and trial < _TRIALS:
                continue
            if failure.reason in _ENDLESS:
                raise ExpressionRefused(f"Tried on a sample, {_ENDLESS[failure.reason]}. {failure.detail}") from None
        return


def _sentence(error: jlens.JlensError) -> str:
    """What the library says of a source, which is the writer's own text, in one short line."""
    said = " ".join(str(error).split())
    return said[:200].rstrip(".") + "."
