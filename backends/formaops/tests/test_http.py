"""Over HTTP: users, keys, and what is somebody else's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from backends.common.contract import keeps_its_contract
from backends.common.keys import make_key
from backends.formaops.app import create_app
from backends.formaops.models import UserPlan
from backends.formaops.queries import api_keys, users
from backends.formaops.tests.conftest import PROMPT, made, make_prompt, options_for, sign_up

import assay
from assay.config import DatabaseUrl


async def test_somebody_signs_up_once_and_gets_a_key(client: httpx.AsyncClient) -> None:
    me = (await client.get("/me")).json()
    assert (me["email"], me["plan"]) == ("ada@example.com", "FREE")
    again = await client.post("/users", json={"email": "ADA@example.com"})
    assert (again.status_code, again.json()) == (409, {"detail": "this email is somebody's already"})
    assert (await client.patch("/me", json={"name": "Ada"})).json()["name"] == "Ada"


async def test_a_key_is_shown_once_and_can_be_switched_off(client: httpx.AsyncClient) -> None:
    new = await made(client, "/api-keys", {"name": "ci"})
    shown = await client.get("/api-keys")
    assert new["key"] not in shown.text
    assert [one["name"] for one in shown.json()] == ["ci", "first"]
    by_key = {"X-API-Key": new["key"]}
    assert (await client.get("/me", headers=by_key)).status_code == 200
    assert (await client.patch(f"/api-keys/{new['id']}", json={"is_active": False})).json()["is_active"] is False
    assert (await client.get("/me", headers=by_key)).status_code == 401
    assert (await client.get("/me", headers={"X-API-Key": "no"})).status_code == 401


async def test_what_is_somebody_else_s_is_not_there(client: httpx.AsyncClient) -> None:
    path = await make_prompt(client)
    execution = f"/executions/{(await made(client, f'{path}/executions', {'inputs': {'code': 'x'}}))['id']}"
    grace = await sign_up(client, "grace")
    for method, place in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/archive"),
        ("GET", f"{path}/versions"),
        ("GET", f"{path}/validations"),
        ("GET", execution),
        ("POST", f"{execution}/cancel"),
        ("GET", f"{execution}/logs"),
    ):
        assert (await client.request(method, place, headers=grace)).status_code == 404
    assert (await client.get("/executions", headers=grace)).json()["items"] == []
    assert (await client.get(path)).status_code == 200


async def test_a_prompt_that_was_run_is_not_removed(client: httpx.AsyncClient) -> None:
    path = await make_prompt(client)
    await made(client, f"{path}/executions", {"inputs": {"code": "x"}})
    answer = await client.delete(path)
    assert (answer.status_code, "archive it" in answer.json()["detail"]) == (409, True)
    other = await make_prompt(client)
    assert (await client.delete(other)).status_code == 204


@pytest.mark.parametrize("kind", ["prompts", "executions"])
async def test_lists_have_every_row_once_the_newest_first(client: httpx.AsyncClient, kind: str) -> None:
    path, body = "/prompts", dict[str, Any](PROMPT)
    if kind == "executions":
        path, body = f"{await make_prompt(client)}/executions", {"inputs": {"code": "x"}}
    ids = [(await made(client, path, body))["id"] for _ in range(5)]
    first = (await client.get(f"/{kind}", params={"limit": 3})).json()
    rest = (await client.get(f"/{kind}", params={"limit": 3, "before": first["next"]})).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == ids[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize("examples", [6, pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
def test_no_request_is_answered_but_as_the_document_says(migrated: DatabaseUrl, examples: int) -> None:
    import asyncio

    key = make_key("fo")

    async def somebody() -> None:
        async with assay.Pool(migrated, min_connections=1) as pool:
            user = await users.add(pool, email="contract@example.com", name=None, plan=UserPlan.PRO)
            await api_keys.add(pool, user_id=user.id, name="contract", key_hash=key.hash)

    asyncio.run(somebody())
    assert keeps_its_contract(create_app(options_for(migrated)), examples, {"X-API-Key": key.text}) > examples
