"""Routes for users: signing up and in, triggers, and what came of them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, HTTPException, Request

import assay
from assay import OMIT
from assay.contrib.fastapi import PoolDependency as Pool

from ..common import failures
from ..common.pages import Before, Limit, after
from .access import UNAUTHORIZED, GivenTokens, SignedIn, slow_down
from .api import (
    MemoryView,
    SessionView,
    SignIn,
    SignUp,
    StateView,
    Switch,
    TriggerBody,
    TriggerView,
)
from .models import ActionType, ResultStatus, User
from .paging import BeforeResult, ResultPage, TriggerPage
from .queries import action_results, trigger_state, triggers, users
from .setting_up import create, replace, views
from .signing_in import hash_password, sign_in

router = APIRouter(responses=failures.RESPONSES)
NO_TRIGGER = {**UNAUTHORIZED, **failures.also(404, "The user has no such trigger")}


@router.post("/users", status_code=201, responses=failures.also(409, "The name or the address is taken"))
async def sign_up(pool: Pool, body: SignUp) -> User:
    """Become a user."""
    hashed = await hash_password(body.password)
    try:
        return await users.add(pool, username=body.username, email=body.email, password_hash=hashed)
    except assay.UniqueViolation:
        raise HTTPException(409, "a user of this name or with this address exists already") from None


@router.post("/sessions", status_code=201, responses=failures.also(401, "Name and password do not fit"))
async def begin_session(request: Request, pool: Pool, tokens: GivenTokens, body: SignIn) -> SessionView:
    """Sign in, for a token that says who one is."""
    slow_down(request, body.username)
    user_id = await sign_in(pool, body.username, body.password)
    if user_id is None:
        raise HTTPException(401, "there is no active user of this name with this password")
    return SessionView(token=tokens.make(user_id), expires_in=int(tokens.length.total_seconds()))


@router.get("/me", responses=UNAUTHORIZED)
async def show_me(user: SignedIn) -> User:
    """Who has signed in."""
    return user


@router.post("/triggers", status_code=201, responses=UNAUTHORIZED)
async def create_trigger(pool: Pool, user: SignedIn, body: TriggerBody) -> TriggerView:
    """Set up a trigger, with its conditions and actions. It is asked of the events that come from now on."""
    return await create(pool, user.id, body)


@router.get("/triggers", responses=UNAUTHORIZED)
async def list_triggers(pool: Pool, user: SignedIn, before: Before, limit: Limit = 20) -> TriggerPage:
    """The user's triggers, the newest first, a page at a time."""
    found = await triggers.newest(pool, user_id=user.id, **after(before), limit=limit + 1)
    return TriggerPage.of(await views(pool, found), limit)


@router.get("/triggers/{trigger_id}", responses=NO_TRIGGER)
async def show_trigger(pool: Pool, user: SignedIn, trigger_id: UUID) -> TriggerView:
    """A trigger of the user's."""
    found = await triggers.by_id(pool, trigger_id=trigger_id, user_id=user.id)
    if found is None:
        raise _no_trigger(trigger_id)
    return (await views(pool, [found]))[0]


@router.put("/triggers/{trigger_id}", responses=NO_TRIGGER)
async def replace_trigger(pool: Pool, user: SignedIn, trigger_id: UUID, body: TriggerBody) -> TriggerView:
    """Set up a trigger anew. What it remembered, and what was still to be done for it, is forgotten."""
    found = await replace(pool, user.id, trigger_id, body)
    if found is None:
        raise _no_trigger(trigger_id)
    return found


@router.patch("/triggers/{trigger_id}", responses=NO_TRIGGER)
async def switch_trigger(pool: Pool, user: SignedIn, trigger_id: UUID, body: Switch) -> TriggerView:
    """Switch a trigger on or off."""
    found = await triggers.enable(pool, trigger_id=trigger_id, user_id=user.id, enabled=body.enabled)
    if found is None:
        raise _no_trigger(trigger_id)
    return (await views(pool, [found]))[0]


@router.delete("/triggers/{trigger_id}", status_code=204, responses=NO_TRIGGER)
async def delete_trigger(pool: Pool, user: SignedIn, trigger_id: UUID) -> None:
    """Delete a trigger. The results of its actions stay, without it."""
    if not await triggers.remove(pool, trigger_id=trigger_id, user_id=user.id):
        raise _no_trigger(trigger_id)


@router.get("/triggers/{trigger_id}/state", responses=NO_TRIGGER)
async def show_state(pool: Pool, user: SignedIn, trigger_id: UUID) -> StateView:
    """What a trigger remembers: averages and counters."""
    if await triggers.by_id(pool, trigger_id=trigger_id, user_id=user.id) is None:
        raise _no_trigger(trigger_id)
    state = await trigger_state.by_trigger(pool, trigger_id) or {}
    shown = {key: MemoryView(ema=one.ema, seen=one.seen, since=one.since) for key, one in state.items()}
    return StateView(conditions=shown)


@router.get("/results", responses=UNAUTHORIZED)
async def list_results(
    pool: Pool,
    user: SignedIn,
    trigger_id: UUID | None = None,
    status: ResultStatus | None = None,
    action_type: ActionType | None = None,
    before: BeforeResult = None,
    limit: Limit = 20,
) -> ResultPage:
    """What came of the actions of the user's triggers, the newest first, a page at a time."""
    rows = await action_results.newest(
        pool,
        user_id=user.id,
        trigger_id=OMIT if trigger_id is None else trigger_id,
        status=OMIT if status is None else status,
        action_type=OMIT if action_type is None else action_type,
        before_id=OMIT if before is None else before,
        limit=limit + 1,
    )
    return ResultPage.of(rows, limit)


def _no_trigger(trigger_id: UUID) -> HTTPException:
    return HTTPException(404, f"you have no trigger {trigger_id}")
