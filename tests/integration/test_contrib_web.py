"""A web application opens and closes its pool, shows its health, and answers 503 when no connection is to be had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tests.fixtures.bouncer import hold

import assay
from assay.config import DatabaseUrl
from assay.contrib import fastapi, starlette


def starlette_app(url: DatabaseUrl) -> Starlette:
    async def answer(request: Request) -> JSONResponse:
        return JSONResponse(await starlette.pool_of(request).fetch_one(int, "select 42"))

    routes = [Route("/answer", answer), Route("/health", starlette.health(timeout=0.2))]
    return Starlette(routes=routes, lifespan=starlette.lifespan(lambda: small_pool(url)))


def fastapi_app(url: DatabaseUrl) -> FastAPI:
    app = FastAPI(lifespan=fastapi.lifespan(lambda: small_pool(url)))
    app.include_router(fastapi.health_router(timeout=0.2))

    async def answer(pool: fastapi.PoolDependency) -> int:
        return await pool.fetch_one(int, "select 42")

    app.add_api_route("/answer", answer)
    return app


def small_pool(url: DatabaseUrl) -> assay.Pool:
    return assay.Pool(url, min_connections=1, max_connections=1, acquire_timeout=0.05)


@pytest.fixture(params=[starlette_app, fastapi_app], ids=["starlette", "fastapi"])
def app(request: pytest.FixtureRequest, database_18: DatabaseUrl) -> Any:
    app = request.param(database_18)
    starlette.answer_unavailable(app, retry_after=3)
    return app


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client,
    ):
        yield client


async def test_pool_is_open_while_the_application_runs(app: Any) -> None:
    async with serving(app) as client:
        assert (await client.get("/answer")).json() == 42
    with pytest.raises(assay.PoolClosed):
        await app.state.pool.fetch_one(int, "select 1")


async def test_health_is_ok_while_the_database_answers(app: Any, database_18: DatabaseUrl) -> None:
    async with serving(app) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": database_18.place, "error": None}


async def test_health_fails_with_the_reason(app: Any, database_18: DatabaseUrl) -> None:
    async with serving(app) as client, await hold(app.state.pool, 1):
        answer = await client.get("/health")
    assert answer.status_code == 503
    assert (answer.json()["status"], answer.json()["database"]) == ("failing", database_18.place)
    assert "1 of at most 1 are in use" in answer.json()["error"]


async def test_exhausted_pool_is_503_with_the_time_to_try_again(app: Any) -> None:
    async with serving(app) as client:
        async with await hold(app.state.pool, 1):
            answer = await client.get("/answer")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
        assert answer.json() == {"detail": "The database is busy or cannot be reached; try again shortly"}
        assert (await client.get("/answer")).status_code == 200


async def test_application_without_a_pool_says_what_to_do(app: Any) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        with pytest.raises(assay.UsageError, match=r"make it with lifespan=lifespan\(assay.Pool\)"):
            await client.get("/answer")


async def test_health_route_is_documented(database_18: DatabaseUrl) -> None:
    path = fastapi_app(database_18).openapi()["paths"]["/health"]["get"]
    schemas = {path["responses"][code]["content"]["application/json"]["schema"]["$ref"] for code in ("200", "503")}
    assert schemas == {"#/components/schemas/Health"}
