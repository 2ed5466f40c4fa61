"""Names that say what a thing does, tests that wait for signals, and files that know no machine."""

import ast
import re

import pytest

from tests.architecture.sources import ROOT, TESTS, modules, tracked, tree

BANNED = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "misc", "lib", "core"}

# Put together here so that this file does not match itself.
_PLACES = ("wo" + "rk/", "ro" + "ot/[.]", "ho" + "me/[a-z]")
MACHINE_PATHS = re.compile(rf"(?<![A-Za-z0-9_.~$}}-])/(?:{'|'.join(_PLACES)})")
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("files", "pythonhosted"), ("pypi", "org"), ("pypi", "python", "org"), ("registry", "npmjs"),
        ("registry", "yarnpkg"), ("proxy", "golang"), ("index", "crates"),
    )
]  # fmt: skip


def texts():
    """Every tracked file that is text, by its path in the checkout."""
    for path in tracked():
        try:
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def long_sleeps(module):
    """Lines on which something sleeps by the clock for a second or more."""
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr != "sleep":
            continue
        if not isinstance(node.func.value, ast.Name) or node.func.value.id not in {"time", "asyncio"}:
            continue
        value = node.args[0] if node.args else None
        if isinstance(value, ast.Constant) and isinstance(value.value, int | float) and value.value >= 1:
            found.append(node.lineno)
    return found


def machine_paths(text):
    return [match[0] for match in MACHINE_PATHS.finditer(text)]


def test_no_module_is_named_for_what_it_holds():
    found = {**modules(), **{f"tests/{name}": path for name, path in modules(TESTS).items()}}
    parts = {name: set(name.removesuffix(".py").split("/")) for name in found}
    assert not [name for name, words in parts.items() if words & BANNED]


@pytest.mark.parametrize("name", modules(TESTS))
def test_no_test_sleeps_by_the_clock(name):
    assert not long_sleeps(tree(TESTS / name))


def test_no_file_knows_the_machine_it_was_written_on():
    found = {name: paths for name, text in texts() if (paths := machine_paths(text))}
    assert not found


def test_no_file_names_a_package_registry():
    assert not {name: host for name, text in texts() for host in REGISTRIES if host in text}


def test_what_is_looked_for_would_be_found():
    for place in ("wo" + "rk/", "ro" + "ot/.", "ho" + "me/a"):
        assert machine_paths(f"cd /{place}x") == machine_paths(f"'/{place}'") == [f"/{place}"]
    innocent = ("net/work/x", "a checkout below `/root`", "/v1/wo" + "rk/x", "https://example.org/home/a", "/worker/")
    assert [machine_paths(line) for line in innocent] == [[]] * len(innocent)
    module = ast.parse("import time, asyncio\ntime.sleep(1)\nasyncio.sleep(0.5)\nasyncio.sleep(x)\nasyncio.sleep(2.5)")
    assert long_sleeps(module) == [2, 5]
    assert len(list(texts())) > 200
