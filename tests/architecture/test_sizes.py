"""Files and functions that one can see whole. The exceptions are listed with their reasons and may only get fewer."""

import statistics

import pytest

from tests.architecture.sources import PACKAGE, ROOT, TESTS, functions, lines, modules

FILE_HARD, FUNCTION_HARD, TEST_FILE_HARD, SQL_FILE_HARD, ARGUMENTS_HARD = 500, 70, 900, 300, 6

LONG_FUNCTIONS = {
    "webhooks/publish_openapi.py raw_routes": "one literal: the OpenAPI of the two routes that have no framework",
}
MANY_ARGUMENTS = {
    "security/egress.py EgressClient.__init__": "keyword-only limits, each with a default that fits nearly always",
}


def ninetieth(values):
    """The value that nine in ten do not exceed."""
    return statistics.quantiles(values, n=10, method="inclusive")[8]


@pytest.fixture(scope="module")
def file_lines():
    return {name: lines(path) for name, path in modules().items()}


@pytest.fixture(scope="module")
def function_lines():
    return {
        f"{name} {function}": node.end_lineno - node.lineno + 1
        for name, path in modules().items()
        for function, node in functions(path)
    }


def test_files_are_short(file_lines):
    assert statistics.median(file_lines.values()) <= 120
    assert ninetieth(file_lines.values()) <= 350
    assert not {name: count for name, count in file_lines.items() if count > FILE_HARD}


def test_functions_are_shorter(function_lines):
    assert len(function_lines) > 300
    assert statistics.median(function_lines.values()) <= 10
    assert ninetieth(function_lines.values()) <= 35
    too_long = {name for name, count in function_lines.items() if count > FUNCTION_HARD}
    assert too_long == LONG_FUNCTIONS.keys(), "list a new one with its reason; take out one that has become short"


def test_what_it_takes_to_make_something_is_little():
    wants = {
        f"{name} {function}": len(node.args.posonlyargs) + len(node.args.args) + len(node.args.kwonlyargs) - 1
        for name, path in modules().items()
        for function, node in functions(path)
        if node.name == "__init__"
    }
    assert len(wants) > 20
    too_many = {name for name, count in wants.items() if count > ARGUMENTS_HARD}
    assert too_many == MANY_ARGUMENTS.keys(), "list a new one with its reason; take out one that wants little now"


def test_test_files_are_bounded():
    found = {name: lines(path) for name, path in modules(TESTS).items()}
    assert len(found) > 50
    assert not {name: count for name, count in found.items() if count > TEST_FILE_HARD}


def test_sql_sources_are_bounded():
    sources = [*(ROOT / "database" / "schema").rglob("*.sql"), *PACKAGE.rglob("*.sql")]
    assert len(sources) > 20
    found = {str(path.relative_to(ROOT)): lines(path) for path in sources}
    assert not {name: count for name, count in found.items() if count > SQL_FILE_HARD}


def test_a_long_function_would_be_found(tmp_path):
    body = "\n".join(f"        x = {number}" for number in range(80))
    (tmp_path / "long.py").write_text(f"class A:\n    async def f(self):\n{body}\n        def g(): pass\n")
    found = dict(functions(tmp_path / "long.py"))
    assert list(found) == ["A.f", "A.f.g"]
    assert found["A.f"].end_lineno - found["A.f"].lineno + 1 == 82
