"""Every example of the guide to expressions is evaluated, and gives what stands below it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from worksphere_hub.expressions.compile import compile_expression
from worksphere_hub.expressions.errors import ExpressionFailed, ExpressionRefused
from worksphere_hub.expressions.limits import DEFAULT_LIMITS
from worksphere_hub.webhooks.shape import Shape, outgoing, passes

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "expressions.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\S+)(?: (\S+))?\n(.*?)```", GUIDE, re.DOTALL)
MESSAGE = next(text for _, kind, text in BLOCKS if kind == "message").encode()
EXAMPLES = [
    (kind, source.strip(), expected_kind, expected.strip())
    for (language, kind, source), (_, expected_kind, expected) in pairwise(BLOCKS)
    if language == "jsonata"
]


@pytest.mark.parametrize(("kind", "source", "expected_kind", "expected"), EXAMPLES)
def test_an_example_gives_what_stands_below_it(kind, source, expected_kind, expected):
    if kind == "refused":
        with pytest.raises(ExpressionRefused) as refused:
            compile_expression(source)
        assert refused.value.detail == expected
        return
    expression = compile_expression(source)
    if expected_kind == "error":
        with pytest.raises(ExpressionFailed) as failed:
            expression.shape_bytes(MESSAGE)
        assert failed.value.detail == expected
    elif kind == "filter":
        assert passes(Shape(filter=expression), MESSAGE) is json.loads(expected)
    else:
        assert json.loads(outgoing(Shape(transform=expression), MESSAGE, "evt_1")) == json.loads(expected)


def test_the_guide_has_examples_of_everything():
    assert len(EXAMPLES) >= 12
    assert {kind for kind, *_ in EXAMPLES} == {"", "filter", "refused"}
    assert all(expected_kind in {"result", "error"} for *_, expected_kind, _ in EXAMPLES)


def test_the_limits_it_tells_are_the_limits():
    limits = DEFAULT_LIMITS
    table = re.findall(r"^\| .* \| (.*) \|$", GUIDE, re.MULTILINE)
    assert table[1:] == [
        f"{limits.source:,} characters",
        f"{limits.timeout} ms, and {limits.steps:,} steps",
        f"{limits.depth}",
        f"{limits.string >> 20} MiB",
        f"{limits.array:,}",
        f"{limits.distinct:,}",
    ]
    assert limits.string == limits.result == 1 << 20
