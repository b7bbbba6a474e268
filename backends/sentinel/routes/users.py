"""Whoever asks."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException

import assay
from assay.contrib.fastapi import PoolDependency as Pool

from ...common import failures
from ..api import UserChange, UserView
from ..queries import users
from ..signing_in import User
from . import SIGNED_IN

router = APIRouter(prefix="/me", tags=["users"], responses=SIGNED_IN)
GONE = failures.also(404, "The user was removed")
IN_USE = failures.also(409, "The user has work in somebody else's project")


@router.get("", responses=GONE)
async def show_me(pool: Pool, user: User) -> UserView:
    """Who I am."""
    found = await users.by_id(pool, user)
    if found is None:
        raise _gone()
    return UserView.of(found)


@router.patch("", responses=GONE)
async def rename_me(pool: Pool, user: User, body: UserChange) -> UserView:
    """Go by another name, until Clerk says another one."""
    found = await users.rename(pool, user, body.name)
    if found is None:
        raise _gone()
    return UserView.of(found)


@router.delete("", status_code=204, responses={**GONE, **IN_USE})
async def remove_me(pool: Pool, user: User) -> None:
    """Remove me, with my projects and my keys."""
    try:
        removed = await users.remove(pool, user)
    except assay.ForeignKeyViolation:
        raise HTTPException(
            409, "you have simulations or prover runs in somebody else's project; have them removed first"
        ) from None
    if not removed:
        raise _gone()


def _gone() -> HTTPException:
    return HTTPException(404, "you were removed meanwhile")
