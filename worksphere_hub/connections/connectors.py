"""Which connector a connection is worked through: code that came with the hub, or what its manifest says."""

from typing import Any
from uuid import UUID

from worksphere_hub.catalog.definitions import Definition
from worksphere_hub.connections.store import QUERIES
from worksphere_hub.db.pool import Transaction
from worksphere_hub.expressions.compile import load_expression
from worksphere_hub.expressions.errors import ExpressionFailed
from worksphere_hub.sdk import registry
from worksphere_hub.sdk.connector import Connector
from worksphere_hub.sdk.declared import connector_of
from worksphere_hub.sdk.errors import Unexpected
from worksphere_hub.sdk.manifest.manifest import Manifest


async def connector_for(tx: Transaction, definition: Definition) -> Connector:
    """The connector of an instance."""
    return await connector_of_integration(tx, definition.integration_org, definition.integration, definition.manifest)


async def connector_of_integration(tx: Transaction, owner: UUID, integration: UUID, manifest: Manifest) -> Connector:
    """The connector of a version of an integration.

    Code is for what the hub itself offers: an organization's own integration of the same name is its manifest alone.
    """
    if manifest.slug in registry.names() and await tx.value(QUERIES.integration_comes_with_the_hub, owner, integration):
        found = registry.load(manifest.slug)
        if found is not None:
            return found
    return connector_of(manifest, evaluate)


def evaluate(source: str, data: Any) -> Any:
    """Work an expression of a manifest out; nothing gives None. Raises Unexpected."""
    try:
        return load_expression(source).evaluate(data)
    except ExpressionFailed as failed:
        raise Unexpected(f"An expression of the manifest fails on what the provider sent: {failed.reason}.") from None
