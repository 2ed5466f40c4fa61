"""What can go wrong with an expression: refused when it is saved, failed when it is evaluated."""

from typing import Literal

from worksphere_hub.errors import FieldProblem, InvalidInput

Reason = Literal["timeout", "steps", "too_large", "too_deep", "input", "inexact", "error"]


class ExpressionRefused(InvalidInput):
    """The expression cannot be saved as it is."""

    code = "invalid_expression"

    def __init__(self, what: str, position: int | None = None, field: str = "expression") -> None:
        """`position` counts characters from 0; the text for people counts from 1."""
        self.position = position
        detail = what if position is None else f"At character {position + 1}: {what}"
        super().__init__(detail, problems=[FieldProblem(field, detail)])


class ExpressionFailed(InvalidInput):
    """The expression could not be evaluated on this value."""

    code = "expression_failed"

    def __init__(self, reason: Reason, what: str) -> None:
        """`reason` is for programs. `timeout` is by the clock and may pass when tried again; nothing else does."""
        self.reason = reason
        super().__init__(what)
