"""The public keys that verify v1a signatures, for anybody who asks."""

from typing import Any

from fastapi import APIRouter, Request, Response

from worksphere_hub import ids
from worksphere_hub.db.pool import Database
from worksphere_hub.http.strict_route import StrictRoute
from worksphere_hub.security.signing_ed25519 import parse_public_key
from worksphere_hub.webhooks.errors import EndpointNotFound
from worksphere_hub.webhooks.store import QUERIES

router = APIRouter(route_class=StrictRoute)

# Half of the shortest time in which one would want a revoked key to be forgotten.
_KEPT = "public, max-age=300"


@router.get("/.well-known/jwks.json", tags=["webhook endpoints"])
async def public_keys(request: Request, response: Response, endpoint_id: str | None = None) -> dict[str, Any]:
    """The public keys (JWKS) that verify `v1a` signatures: of one endpoint, or the newest 1,000 of all."""
    endpoint = ids.decode("whe", endpoint_id, EndpointNotFound) if endpoint_id is not None else None
    database: Database = request.state.database
    rows = await database.call(QUERIES.public_keys, endpoint)
    response.headers["cache-control"] = _KEPT
    return {"keys": [parse_public_key(row["public_key"]).jwk() for row in rows]}
