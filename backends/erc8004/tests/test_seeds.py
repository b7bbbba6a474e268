"""Line 7: the seeds, which load twice and do what they say."""

from __future__ import annotations

import asyncpg
import httpx
import pytest
from argon2 import PasswordHasher
from backends.common.testing import run_assay
from backends.erc8004.conditions import read
from backends.erc8004.matching import match_all
from backends.erc8004.queries import trigger_actions, trigger_conditions
from backends.erc8004.sealing import Seal
from backends.erc8004.telling import check_action
from backends.erc8004.tests.conftest import BACKEND, KEY
from backends.erc8004.tests.visiting import sign_in

import assay
from assay.config import DatabaseUrl, read_dotenv

pytestmark = pytest.mark.assay_seed

COUNTS = """
    select (select count(*) from users) as users, (select count(*) from triggers) as triggers,
           (select count(*) from trigger_conditions) as conditions, (select count(*) from trigger_actions) as actions,
           (select count(*) from events) as events, (select count(*) from action_results) as results,
           (select count(*) from checkpoints) as checkpoints, (select count(*) from agent_mcp_tokens) as tokens
"""
EXPECTED = {
    "users": 3,
    "triggers": 3,
    "conditions": 5,
    "actions": 4,
    "events": 6,
    "results": 4,
    "checkpoints": 2,
    "tokens": 2,
}


async def test_line_7_the_seeds_hold_what_the_page_asks_for(catalog: asyncpg.Connection) -> None:
    found = await catalog.fetchrow(COUNTS)
    assert found is not None
    assert dict(found) == EXPECTED
    registries = await catalog.fetch("select registry, count(*) from events group by 1 order by 1")
    assert [tuple(row) for row in registries] == [("identity", 2), ("reputation", 2), ("validation", 2)]


async def test_line_7_loading_them_again_changes_nothing(catalog: asyncpg.Connection, migrated: DatabaseUrl) -> None:
    before = await catalog.fetch("select * from events order by id")
    done = run_assay(BACKEND, "seed", "-D", migrated.reveal())
    assert done.returncode == 0, done.stderr
    found = await catalog.fetchrow(COUNTS)
    assert found is not None
    assert dict(found) == EXPECTED
    assert await catalog.fetch("select * from events order by id") == before


@pytest.mark.parametrize("name", ["alice", "bob", "charlie"])
async def test_line_7_the_users_sign_in_with_their_password(client: httpx.AsyncClient, name: str) -> None:
    headers = await sign_in(client, name, "password123")
    assert (await client.get("/me", headers=headers)).json()["username"] == name
    (mine,) = (await client.get("/triggers", headers=headers)).json()["triggers"]
    assert mine["conditions"]
    assert mine["actions"]


async def test_line_7_passwords_are_stored_as_a_sign_up_stores_them_today(catalog: asyncpg.Connection) -> None:
    hashes = [row[0] for row in await catalog.fetch("select password_hash from users")]
    assert [hashed.startswith("$argon2id$") for hashed in hashes] == [True] * 3
    assert len(set(hashes)) == 3, "each has a salt of its own"
    assert not any(PasswordHasher().check_needs_rehash(hashed) for hashed in hashes)


async def test_line_7_conditions_and_actions_can_be_used(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    ids = [row[0] for row in await catalog.fetch("select id from triggers")]
    for condition in await trigger_conditions.of_triggers(pool, ids):
        read(condition)
    for action in await trigger_actions.of_triggers(pool, ids):
        check_action(action.action_type, action.config)


async def test_line_7_the_tokens_are_encrypted_with_the_key_of_the_example(catalog: asyncpg.Connection) -> None:
    assert read_dotenv(BACKEND / ".env.example")["TOKEN_KEYS"] == KEY
    tokens = [row[0] for row in await catalog.fetch("select token from agent_mcp_tokens order by agent_id")]
    assert [Seal.parse(KEY).open(token) for token in tokens] == ["seed-token-1", "seed-token-2"]


async def test_the_samples_set_nothing_off(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    await match_all(pool)
    assert await catalog.fetchval("select count(*) from action_jobs") == 0
