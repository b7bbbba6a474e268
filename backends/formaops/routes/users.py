"""Users and their API keys."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common import failures
from ...common.keys import make_key
from ...common.views import missing, not_found
from ..api import ApiKeyChange, ApiKeyIn, ApiKeyView, NewApiKeyView, SignedUp, UserChange, UserIn, UserView
from ..models import UserPlan
from ..queries import api_keys, users
from . import SIGNED_IN, User

signing_up = APIRouter(tags=["users"], responses=failures.RESPONSES)
router = APIRouter(tags=["users"], responses=SIGNED_IN)
TAKEN = failures.also(409, "The email is somebody's already")
GONE = failures.also(404, "The user was removed")
NO_KEY = not_found("key")


@signing_up.post("/users", status_code=201, responses=TAKEN)
async def sign_up(pool: Pool, body: UserIn) -> SignedUp:
    """Sign up, and get the first key, which is shown this once."""
    key = make_key("fo")
    try:
        async with pool.transaction() as transaction:
            user = await users.add(transaction, email=body.email, name=body.name, plan=UserPlan.FREE)
            await api_keys.add(transaction, user_id=user.id, name="first", key_hash=key.hash)
    except assay.UniqueViolation:
        raise HTTPException(409, "this email is somebody's already") from None
    return SignedUp(user=UserView.model_validate(user), key=key.text)


@router.get("/me", responses=GONE)
async def show_me(pool: Pool, user: User) -> UserView:
    """Who I am."""
    found = await users.by_id(pool, user)
    if found is None:
        raise HTTPException(404, "you were removed meanwhile")
    return UserView.model_validate(found)


@router.patch("/me", responses=GONE)
async def change_me(pool: Pool, user: User, body: UserChange) -> UserView:
    """Change what is given of me."""
    given = body.model_fields_set
    found = await users.change(
        pool,
        user,
        name=body.name if "name" in given else assay.OMIT,
        avatar_url=body.avatar_url if "avatar_url" in given else assay.OMIT,
    )
    if found is None:
        raise HTTPException(404, "you were removed meanwhile")
    return UserView.model_validate(found)


@router.post("/api-keys", status_code=201)
async def make_api_key(pool: Pool, user: User, body: ApiKeyIn) -> NewApiKeyView:
    """Make a key; the answer is the only one that shows it."""
    key = make_key("fo")
    kept = await api_keys.add(pool, user_id=user, name=body.name, key_hash=key.hash)
    return NewApiKeyView(key=key.text, **ApiKeyView.model_validate(kept).model_dump())


@router.get("/api-keys")
async def list_api_keys(pool: Pool, user: User) -> list[ApiKeyView]:
    """My keys, the newest first."""
    return [ApiKeyView.model_validate(key) for key in await api_keys.of_user(pool, user)]


@router.patch("/api-keys/{key_id}", responses=NO_KEY)
async def switch_api_key(pool: Pool, user: User, key_id: UUID, body: ApiKeyChange) -> ApiKeyView:
    """Switch a key off, or on again."""
    key = await api_keys.switch(pool, key_id, user, body.is_active)
    if key is None:
        raise missing("key", key_id)
    return ApiKeyView.model_validate(key)
