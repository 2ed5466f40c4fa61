"""The HTTP door of API keys."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from worksphere_hub import ids
from worksphere_hub.accounts import keys, views
from worksphere_hub.accounts.errors import KeyNotFound
from worksphere_hub.accounts.models import NewKey
from worksphere_hub.accounts.principal import Principal
from worksphere_hub.accounts.requires import requires
from worksphere_hub.accounts.schemas import KeyCreate, KeyCreated, KeyOut
from worksphere_hub.accounts.services import Accounts
from worksphere_hub.accounts.store import QUERIES, key_of
from worksphere_hub.http.idempotent_route import IdempotentRoute
from worksphere_hub.http.paging import Page, Paged, cut_page

router = APIRouter(prefix="/v1/api-keys", tags=["API keys"], route_class=IdempotentRoute)

Reader = Annotated[Principal, Depends(requires("api_keys:read"))]
Writer = Annotated[Principal, Depends(requires("api_keys:write"))]
Revoker = Annotated[Principal, Depends(requires("api_keys:revoke"))]


@router.post("", status_code=201)
async def create_api_key(request: Request, principal: Writer, wanted: KeyCreate) -> KeyCreated:
    """Create a key. The answer holds it, never shown again; it can do at most what you can."""
    new = NewKey(wanted.name, wanted.scopes, wanted.expires_in_days, wanted.rate_limit)
    return views.key_created(await keys.create(_accounts(request), principal, new))


@router.get("")
async def list_api_keys(request: Request, principal: Reader, page: Paged) -> Page[KeyOut]:
    """List keys, newest first, revoked and expired ones too."""
    async with _accounts(request).database.tenant(principal.org) as tx:
        rows = await tx.rows(QUERIES.list_api_keys, principal.org, page.after_id(), page.limit + 1)
    shown, cursor = cut_page(rows, page.limit, lambda row: [row["id"].hex])
    return Page(data=[views.key_out(key_of(row)) for row in shown], next_cursor=cursor)


@router.get("/{api_key_id}")
async def get_api_key(request: Request, principal: Reader, api_key_id: str) -> KeyOut:
    """Show one key, without its secret."""
    key = _key_id(api_key_id)
    async with _accounts(request).database.tenant(principal.org) as tx:
        return views.key_out(await keys.find(tx, principal.org, key))


@router.delete("/{api_key_id}", status_code=204)
async def revoke_api_key(request: Request, principal: Revoker, api_key_id: str) -> Response:
    """Revoke a key. Every process refuses it within a second."""
    await keys.revoke(_accounts(request).database, principal, _key_id(api_key_id))
    return Response(status_code=204)


def _key_id(text: str) -> UUID:
    found = ids.parse("key", text)
    if found is None:
        raise KeyNotFound
    return found


def _accounts(request: Request) -> Accounts:
    return request.state.accounts
