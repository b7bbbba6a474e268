"""Lines 3 and 5: users are added, read, changed and removed, over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from backends.basic_api.app import AppState, create_app
from backends.basic_api.models import NewUser
from backends.basic_api.queries import users
from backends.basic_api.tests.conftest import add, options_for
from backends.common.testing import visited

import assay
from assay.config import DatabaseUrl


async def test_line_5_somebody_is_added_read_changed_and_removed(client: httpx.AsyncClient) -> None:
    added = await add(client, "ada@example.com", "Ada")
    path = f"/users/{added['id']}"
    assert (await client.get(path)).json() == added
    changed = await client.patch(path, json={"name": "Ada Lovelace"})
    assert (changed.status_code, changed.json()["name"], changed.json()["email"]) == (
        200,
        "Ada Lovelace",
        added["email"],
    )
    assert (await client.delete(path)).status_code == 204
    assert [(await client.request(method, path, json=body)).status_code for method, body in GONE] == [404, 404, 404]


GONE: list[tuple[str, Any]] = [("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)]


async def test_line_5_an_email_that_is_taken_answers_409(client: httpx.AsyncClient) -> None:
    ada, grace = await add(client, "ada@example.com"), await add(client, "grace@example.com")
    again = await client.post("/users", json={"name": "Somebody else", "email": "ADA@example.com"})
    assert (again.status_code, again.json()) == (409, {"detail": "this email is somebody's already"})
    moved = await client.patch(f"/users/{grace['id']}", json={"email": ada["email"]})
    assert moved.status_code == 409
    same = await client.patch(f"/users/{ada['id']}", json={"email": ada["email"]})
    assert same.status_code == 200


async def test_line_5_of_twenty_who_take_one_email_at_once_one_gets_it(client: httpx.AsyncClient) -> None:
    body = {"name": "Somebody", "email": "one@example.com"}
    answers = await asyncio.gather(*(client.post("/users", json=body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19


async def test_line_5_the_trigger_moves_updated_at_and_never_created_at(catalog: asyncpg.Connection) -> None:
    added = await catalog.fetchrow("insert into users (name, email) values ('a', 'a@b.c') returning *")
    async with catalog.transaction():
        first = await catalog.fetchrow("update users set name = 'b' returning *")
        second = await catalog.fetchrow(
            "update users set created_at = 'yesterday', updated_at = 'yesterday' returning *"
        )
    assert added is not None
    assert first is not None
    assert second is not None
    assert added["updated_at"] < first["updated_at"] < second["updated_at"]
    assert added["created_at"] == first["created_at"] == second["created_at"]


async def test_line_7_several_people_are_added_together_or_not_at_all(client: httpx.AsyncClient) -> None:
    people = [{"name": "Somebody", "email": f"{number}@example.com"} for number in range(50)]
    taken = await client.post("/users/batch", json={"users": [*people, people[0]]})
    assert taken.status_code == 409
    assert (await client.get("/users")).json()["users"] == []
    added = await client.post("/users/batch", json={"users": people})
    assert [user["email"] for user in added.json()] == [user["email"] for user in people]


async def test_pages_hold_everybody_once_the_newest_first(client: httpx.AsyncClient) -> None:
    ids = [(await add(client, f"{number}@example.com"))["id"] for number in range(7)]
    seen: list[int] = []
    before: dict[str, int] = {}
    for size in (3, 3, 1):
        page = (await client.get("/users", params={"limit": 3, **before})).json()
        assert len(page["users"]) == size
        seen += [user["id"] for user in page["users"]]
        before = {"before": page["next"]}
    assert seen == ids[::-1]
    assert page["next"] is None


async def test_a_list_can_begin_at_a_time(client: httpx.AsyncClient, catalog: asyncpg.Connection) -> None:
    await catalog.execute(
        "insert into users (name, email, created_at) values ('old', 'old@b.c', now() - interval '2 days')"
    )
    new = await add(client, "new@example.com")
    since = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    assert [user["id"] for user in (await client.get("/users", params={"since": since})).json()["users"]] == [new["id"]]
    assert len((await client.get("/users")).json()["users"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "", "email": "a@b.c"},
        {"name": "a", "email": "no address"},
        {"name": "a\0", "email": "a@b.c"},
        {"name": "a", "email": "a@b.c", "admin": True},
        {"name": "x" * 256, "email": "a@b.c"},
    ],
)
async def test_what_is_no_user_is_refused_with_what_is_wrong(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await client.post("/users", json=body)
    assert answer.status_code == 422
    assert all(mistake["loc"][0] == "body" for mistake in answer.json()["detail"])


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "x"])
async def test_what_is_no_number_of_a_user_is_refused(client: httpx.AsyncClient, number: str) -> None:
    assert (await client.get(f"/users/{number}")).status_code == 422


async def test_line_3_routes_receive_the_pool_in_the_app_s_state(migrated: DatabaseUrl) -> None:
    app = create_app(options_for(migrated))
    async with visited(app):
        state: AppState = app.state.current
        assert (state.pool, state.options.settings.database_url) == (app.state.pool, migrated)
        assert await state.pool.fetch_one(int, "select count(*) from users") == 0


async def test_line_7_a_transaction_of_the_caller_s_holds_every_step(assay_db: assay.Connection) -> None:
    """Within the test's own transaction, which is rolled back."""
    ada = await users.add(assay_db, NewUser("Ada", "ada@example.com"))
    with pytest.raises(assay.UniqueViolation):
        await replace_by_twins(assay_db, ada.id)
    assert await users.by_email(assay_db, "ada@example.com") == ada


async def replace_by_twins(db: assay.Connection, user_id: int) -> None:
    async with db.transaction() as transaction:
        await users.remove(transaction, user_id)
        await users.add_many(transaction, [NewUser("a", "a@b.c"), NewUser("b", "a@b.c")])
