"""Nothing is sealed or opened within a transaction.

The vault may have to fetch a key, which takes a connection of its own: when all are held by those who wait for another
one, nobody gets on.
"""

import ast

import pytest

from tests.architecture.sources import PACKAGE

TRANSACTIONS = {"tenant", "across", "search"}
VAULT = {"seal", "unseal", "seal_text", "unseal_text", "opened", "sealed", "client_for", "open_address", "seal_address"}


def within_transactions(source: str) -> list[str]:
    """Calls that reach the vault, inside a block that holds a transaction."""
    found = []
    for block in ast.walk(ast.parse(source)):
        if isinstance(block, ast.AsyncWith) and any(_name(item.context_expr) in TRANSACTIONS for item in block.items):
            calls = [node for node in ast.walk(block) if isinstance(node, ast.Call)]
            found += [ast.unparse(call) for call in calls if _name(call) in VAULT or _is_vaults(call)]
    return found


def _name(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_vaults(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value).endswith("vault")


def test_no_room_opens_a_secret_within_a_transaction():
    found = {str(file): within_transactions(file.read_text()) for file in PACKAGE.rglob("*.py")}
    assert {file: calls for file, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "call", ["room.vault.open(org, x)", "seal_text(vault, org, place, text)", "store.opened(v, s)"]
)
def test_one_that_does_would_be_seen(call):
    source = (
        f"async def f():\n    async with room.database.tenant(org) as tx:\n        if x:\n            await {call}\n"
    )
    assert within_transactions(source)
