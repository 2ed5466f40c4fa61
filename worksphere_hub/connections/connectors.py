"""Which connector a connection is worked through: code that came with the hub, or what its manifest says."""

from typing import Any

from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Transaction
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.declared import connector_of
from worksphere_hub.sdk.errors import Unexpected


async def connector_for(tx: Transaction, definition: Definition) -> Connector:
    """The connector of an instance.

    Code is for what the hub itself offers: an organization's own integration of the same name is its manifest alone.
    """
    if definition.slug in registry.names():
        mine = definition.integration_org, definition.integration
        if await tx.value(QUERIES.integration_comes_with_the_hub, *mine):
            found = registry.load(definition.slug)
            if found is not None:
                return found
    return connector_of(definition.manifest, evaluate)


def evaluate(source: str, data: Any) -> Any:
    """Work an expression of a manifest out; nothing gives None. Raises Unexpected."""
    try:
        return load_expression(source).evaluate(data)
    except ExpressionFailed as failed:
        raise Unexpected(f"An expression of the manifest fails on what the provider sent: {failed.reason}.") from None
