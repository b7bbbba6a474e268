"""API keys."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from assay.contrib.fastapi import PoolDependency as Pool

from ...common.keys import make_key
from ...common.pages import Before, Limit, after
from ...common.views import Page, missing, not_found, page_of
from ..api import ApiKeyChange, ApiKeyIn, ApiKeyView, NewApiKeyView
from ..models import ApiKey
from ..queries import api_keys
from ..signing_in import User
from . import SIGNED_IN

router = APIRouter(prefix="/api-keys", tags=["API keys"], responses=SIGNED_IN)
NO_KEY = not_found("key")


@router.post("", status_code=201)
async def make_api_key(pool: Pool, user: User, body: ApiKeyIn) -> NewApiKeyView:
    """Make a key; the answer is the only one that shows it."""
    key = make_key()
    kept = await api_keys.add(
        pool, user_id=user, name=body.name, key_hash=key.hash, key_prefix=key.prefix, expires_at=body.expires_at
    )
    return NewApiKeyView(key=key.text, **_view(kept).model_dump())


@router.get("")
async def list_api_keys(pool: Pool, user: User, before: Before, limit: Limit = 20) -> Page[ApiKeyView]:
    """My keys, the newest first, a page at a time."""
    return page_of(await api_keys.newest(pool, user, **after(before), limit=limit + 1), limit, _view)


@router.get("/{key_id}", responses=NO_KEY)
async def show_api_key(pool: Pool, user: User, key_id: UUID) -> ApiKeyView:
    """A key, without the key itself."""
    key = await api_keys.of_user(pool, key_id, user)
    if key is None:
        raise missing("key", key_id)
    return _view(key)


@router.patch("/{key_id}", responses=NO_KEY)
async def rename_api_key(pool: Pool, user: User, key_id: UUID, body: ApiKeyChange) -> ApiKeyView:
    """Give a key another name."""
    key = await api_keys.rename(pool, key_id, user, body.name)
    if key is None:
        raise missing("key", key_id)
    return _view(key)


@router.delete("/{key_id}", status_code=204, responses=NO_KEY)
async def remove_api_key(pool: Pool, user: User, key_id: UUID) -> None:
    """Remove a key: it lets nobody in any more."""
    if not await api_keys.remove(pool, key_id, user):
        raise missing("key", key_id)


def _view(key: ApiKey) -> ApiKeyView:
    return ApiKeyView.model_validate(key)
