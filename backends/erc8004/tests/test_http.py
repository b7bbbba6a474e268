"""The service over HTTP: users, triggers, events, results, and the operator."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from backends.common.limits import Allowance
from backends.common.pages import Cursor, large
from backends.common.testing import exhausted, under_uvicorn, visited
from backends.erc8004.app import create_app
from backends.erc8004.sealing import Seal
from backends.erc8004.tests.conftest import KEY, OPERATOR, options_for, serve
from backends.erc8004.tests.making import event, events
from backends.erc8004.tests.visiting import PASSWORD, batch, pages, push, sign_in, sign_up, trigger

from assay.config import DatabaseUrl


async def test_a_user_signs_up_and_in_and_is_known(client: httpx.AsyncClient, catalog: asyncpg.Connection) -> None:
    headers = await sign_up(client)
    me = (await client.get("/me", headers=headers)).json()
    assert (me["username"], me["email"], me["is_active"]) == ("dora", "dora@example.org", True)
    assert me["last_login_at"] is not None
    assert "password" not in str(me)
    stored = await catalog.fetchval("select password_hash from users")
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize("body", [{"username": "dora"}, {"email": "dora@example.org"}])
async def test_a_name_or_address_that_is_taken_is_409(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    await sign_up(client)
    other = {"username": "other", "email": "other@example.org", "password": PASSWORD, **body}
    assert (await client.post("/users", json=other)).status_code == 409


async def test_a_wrong_password_an_unknown_user_and_one_who_is_not_active_are_401_alike(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    headers = await sign_up(client)
    await catalog.execute("update users set is_active = false")
    answers = [
        await client.post("/sessions", json={"username": name, "password": password})
        for name, password in [("dora", "wrong"), ("nobody", PASSWORD), ("dora", PASSWORD)]
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert len({answer.text for answer in answers}) == 1
    assert (await client.get("/me", headers=headers)).status_code == 401, "her token is worth nothing now"


async def test_passwords_cannot_be_tried_as_often_as_one_likes(migrated: DatabaseUrl) -> None:
    app = create_app(options_for(migrated))
    app.state.sign_ins = Allowance(rate=1e-6, burst=2)
    async with visited(app) as client:
        tries = [await client.post("/sessions", json={"username": "dora", "password": str(n)}) for n in range(4)]
        other = await client.post("/sessions", json={"username": "eve", "password": "x"})
    assert [answer.status_code for answer in tries] == [401, 401, 429, 429]
    assert int(tries[-1].headers["Retry-After"]) > 0
    assert other.status_code == 401, "it is counted for each user"


NO_TOKENS: list[Any] = ["", "Bearer", "Bearer x", "Basic eDp5", f"Bearer {'A' * 75}=", "Bearer é".encode()]


async def test_what_is_no_token_is_401_with_a_challenge(client: httpx.AsyncClient) -> None:
    for token in NO_TOKENS:
        answer = await client.get("/triggers", headers={"Authorization": token})
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), token


async def test_a_token_ends_and_one_of_another_key_is_none(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, SESSION_KEY="one")) as client:
        headers = await sign_up(client)
        assert (await client.get("/me", headers=headers)).status_code == 200
    async with serve(options_for(migrated, SESSION_KEY="another")) as client:
        assert (await client.get("/me", headers=headers)).status_code == 401
    async with serve(options_for(migrated, SESSION_KEY="one", SESSION_HOURS=1e-9)) as client:
        short = await sign_in(client, "dora")
        assert (await client.get("/me", headers=short)).status_code == 401


async def test_the_operator_adds_events_and_anybody_reads_them(client: httpx.AsyncClient) -> None:
    assert await push(client, events(8)) == 8
    assert await push(client, events(8)) == 0
    (chain,) = (await client.get("/chains")).json()
    assert (chain["chain_id"], chain["last_block_number"]) == (1, 1001)
    (newest, *_) = (await client.get("/chains/1/events")).json()["events"]
    assert (newest["block_number"], newest["created_at"]) == (1001, "2025-01-20T00:00:12Z")
    assert (await client.get(f"/events/{newest['id']}")).json() == newest
    assert (await client.get("/events/999999999")).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer é".encode()}])
async def test_nobody_but_the_operator_adds_events_or_tokens(client: httpx.AsyncClient, headers: Any) -> None:
    answers = [
        await client.post("/chains/1/events", json=batch(events(1)), headers=headers),
        await client.put("/agents/1/mcp-token", json={"token": "x"}, headers=headers),
        await client.delete("/agents/1/mcp-token", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_without_an_operator_s_token_nobody_is_the_operator(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, OPERATOR_TOKEN="")) as client:
        for headers in (OPERATOR, {"Authorization": "Bearer "}, {}):
            answer = await client.post("/chains/1/events", json=batch(events(1)), headers=headers)
            assert answer.status_code == 401


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"timestamp": 7}, "not before 2015"),
        ({"chain_id": 2}, "is of chain 2, not 1"),
        ({"block_number": 9_999}, "after the batch's last"),
    ],
)
async def test_events_that_cannot_be_right_are_422(client: httpx.AsyncClient, more: Any, what: str) -> None:
    body = batch([event(0), event(1, **more)])
    answer = await client.post("/chains/1/events", json={**body, "block_number": 1000}, headers=OPERATOR)
    assert answer.status_code == 422
    assert what in answer.json()["detail"][0]["msg"]


async def test_events_come_newest_first_page_by_page_and_filtered(client: httpx.AsyncClient) -> None:
    await push(client, events(30))
    await push(client, events(3, chain_id=2))
    found = [one for page in await pages(client, "/chains/1/events", "events") for one in page]
    keys = [(one["timestamp"], one["id"]) for one in found]
    assert keys == sorted(keys, reverse=True)
    assert len(keys) == len(set(keys)) == 30

    async def count(**params: Any) -> int:
        answer = await client.get("/chains/1/events", params={"limit": 100, **params})
        assert answer.status_code == 200, answer.text
        return len(answer.json()["events"])

    assert await count(registry="identity") == 10
    assert await count(event_type="NewFeedback") == 10
    assert await count(agent_id=7) == 1
    assert await count(client_address=f"0X{1:040X}") == 1, "whatever the case of the address"
    assert await count(validator_address=f"0x{2:040x}") == 1
    assert await count(since="2025-01-20T00:00:12Z", until="2025-01-20T00:00:36Z") == 8
    assert await count(registry="identity", agent_id=8) == 0


NO_QUESTIONS: list[dict[str, str]] = [
    {"before": "x"},
    {"before": str(Cursor(datetime(2025, 1, 20, tzinfo=UTC), 2**63))},
    {"before": str(Cursor(datetime(2025, 1, 20, tzinfo=UTC), uuid4()))},
    {"limit": "0"},
    {"limit": "101"},
    {"agent_id": str(2**63)},
    {"since": "0001-01-01T00:00:00+14:00"},
    {"since": "yesterday"},
    {"registry": "other"},
    {"client_address": "a\0"},
]


async def test_a_question_for_events_that_is_not_valid_is_422(client: httpx.AsyncClient) -> None:
    for params in NO_QUESTIONS:
        answer = await client.get("/chains/1/events", params=params)
        assert answer.status_code == 422, (params, answer.text)
        assert answer.json()["detail"][0]["loc"][:2] == ["query", next(iter(params))]


async def test_the_token_of_an_agent_is_kept_encrypted_and_forgotten(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    assert (await client.put("/agents/7/mcp-token", json={"token": "s3cret"}, headers=OPERATOR)).status_code == 204
    stored = await catalog.fetchval("select token from agent_mcp_tokens where agent_id = 7")
    assert Seal.parse(KEY).open(stored) == "s3cret"
    assert (await client.delete("/agents/7/mcp-token", headers=OPERATOR)).status_code == 204
    assert (await client.delete("/agents/7/mcp-token", headers=OPERATOR)).status_code == 404


async def test_without_keys_a_token_is_409(migrated: DatabaseUrl) -> None:
    async with serve(options_for(migrated, TOKEN_KEYS="")) as client:
        answer = await client.put("/agents/7/mcp-token", json={"token": "s3cret"}, headers=OPERATOR)
    assert (answer.status_code, answer.json()["detail"].split(",")[0]) == (409, "TOKEN_KEYS is not set")


async def test_a_request_that_no_connection_is_free_for_is_503(migrated: DatabaseUrl) -> None:
    options = options_for(migrated, DB_MAX_CONNECTIONS=2, DB_ACQUIRE_TIMEOUT=0.1)
    async with exhausted(create_app(options), 2) as client:
        answer = await client.get("/chains")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_under_a_real_web_server_many_users_work_at_once(migrated: DatabaseUrl) -> None:
    async with under_uvicorn(create_app(options_for(migrated))) as client:
        await push(client, events(100))
        headers = await sign_up(client)

        async def visit(number: int) -> int:
            await client.post("/triggers", json=trigger(name=str(number)), headers=headers)
            return (await client.get("/chains/1/events", params={"limit": 100})).status_code

        assert set(await asyncio.gather(*(visit(n) for n in range(30)))) == {200}
        found = (await client.get("/triggers", params={"limit": 100}, headers=headers)).json()
    assert len(found["triggers"]) == 30


async def test_every_route_is_described(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    routes = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
    assert routes == {
        "GET /health",
        "POST /users",
        "POST /sessions",
        "GET /me",
        "GET /triggers",
        "POST /triggers",
        "GET /triggers/{trigger_id}",
        "PUT /triggers/{trigger_id}",
        "PATCH /triggers/{trigger_id}",
        "DELETE /triggers/{trigger_id}",
        "GET /triggers/{trigger_id}/state",
        "GET /results",
        "GET /chains",
        "GET /chains/{chain_id}/events",
        "POST /chains/{chain_id}/events",
        "GET /events/{event_id}",
        "GET /statistics/events",
        "GET /statistics/actions",
        "PUT /agents/{agent_id}/mcp-token",
        "DELETE /agents/{agent_id}/mcp-token",
    }
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for status, answer in operation["responses"].items():
                assert status == "204" or answer["content"]["application/json"]["schema"], (path, method, status)
                assert answer["description"], (path, method, status)


async def test_the_time_of_a_page_is_the_block_s(client: httpx.AsyncClient) -> None:
    await push(client, events(5))
    page = (await client.get("/chains/1/events", params={"limit": 2})).json()
    assert Cursor.parse(page["next"], large).at == datetime.fromtimestamp(page["events"][-1]["timestamp"], UTC)
