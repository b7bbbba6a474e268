"""The service: users added, read, changed and removed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeAlias

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Path, Query, Request, Response
from pydantic import AwareDatetime

import assay

from ..common import failures
from ..common.database import service_pool
from ..common.options import Service
from ..common.pages import Limit
from ..common.service import make_app
from .api import Metrics, UserChange, UserIn, UserPage, UsersIn, UserView
from .options import load
from .queries import users

router = APIRouter(responses=failures.RESPONSES)
NOBODY = failures.also(404, "There is nobody of this number")
TAKEN = failures.also(409, "The email is somebody's already")
LAST = 2**31 - 1
"""The largest number of a row, which is PostgreSQL's largest integer."""

UserId: TypeAlias = Annotated[int, Path(ge=1, le=LAST)]


@dataclass(frozen=True, slots=True)
class AppState:
    """What the routes of a running service work with."""

    pool: assay.Pool
    options: Service
    started: datetime


def app_state(request: Request) -> AppState:
    """The state of the application that a request came to."""
    state: AppState = request.app.state.current
    return state


State: TypeAlias = Annotated[AppState, Depends(app_state)]


def create_app(options: Service | None = None) -> FastAPI:
    """The service with the given options, or with those of the environment and ``.env``.

    Starting it waits for the database, opens the pool and applies the migrations that are pending, under their lock.
    """
    settings = options or load()

    @asynccontextmanager
    async def opened() -> AsyncIterator[assay.Pool]:
        async with service_pool(settings) as pool:
            app.state.current = AppState(pool, settings, datetime.now(UTC))
            yield pool

    app = make_app("Basic API", "Users over REST", settings, opened)
    app.add_exception_handler(assay.UniqueViolation, _taken)
    app.include_router(router)
    return app


@router.post("/users", status_code=201, responses=TAKEN)
async def add_user(state: State, body: UserIn) -> UserView:
    """Add somebody."""
    return UserView.of(await users.add(state.pool, body.row()))


@router.post("/users/batch", status_code=201, responses=TAKEN)
async def add_users(state: State, body: UsersIn) -> list[UserView]:
    """Add several people: all of them, or none when one of the emails is taken."""
    async with state.pool.transaction() as transaction:
        added = await users.add_many(transaction, [user.row() for user in body.users])
    return [UserView.of(user) for user in added]


@router.get("/users")
async def list_users(
    state: State,
    limit: Limit = 20,
    before: Annotated[int | None, Query(ge=1, le=LAST, description="The `next` of the page before")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Only those added then or later")] = None,
) -> UserPage:
    """The users, the newest first, a page at a time."""
    found = await users.newest(
        state.pool,
        before=assay.OMIT if before is None else before,
        since=assay.OMIT if since is None else since,
        limit=limit + 1,
    )
    return UserPage.of(found, limit)


@router.get("/users/{user_id}", responses=NOBODY)
async def show_user(state: State, user_id: UserId) -> UserView:
    """Somebody."""
    user = await users.by_id(state.pool, user_id)
    if user is None:
        raise _nobody(user_id)
    return UserView.of(user)


@router.patch("/users/{user_id}", responses={**NOBODY, **TAKEN})
async def change_user(state: State, user_id: UserId, body: UserChange) -> UserView:
    """Change somebody's name or email; what is left out stays."""
    name, email = body.given()
    user = await users.change(state.pool, user_id, name=name, email=email)
    if user is None:
        raise _nobody(user_id)
    return UserView.of(user)


@router.delete("/users/{user_id}", status_code=204, responses=NOBODY)
async def remove_user(state: State, user_id: UserId) -> None:
    """Remove somebody."""
    if not await users.remove(state.pool, user_id):
        raise _nobody(user_id)


@router.get("/metrics")
async def metrics(state: State) -> Metrics:
    """The pool: how many connections are open, and how long requests waited for one."""
    return Metrics.of(state.pool.stats())


def _nobody(user_id: int) -> HTTPException:
    return HTTPException(404, f"there is no user {user_id}")


async def _taken(request: Request, error: Exception) -> Response:
    return failures.answer(409, "this email is somebody's already")
