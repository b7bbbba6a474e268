"""Line 3: publishing sets published_at, moves the version on and keeps it, in one transaction."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import httpx
import pytest
from backends.formaops import publishing
from backends.formaops.queries import prompts
from backends.formaops.tests.conftest import PROMPT, make_prompt

import assay


async def test_line_3_a_prompt_is_published_under_its_next_version_which_is_kept(client: httpx.AsyncClient) -> None:
    path = await make_prompt(client)
    draft = (await client.get(path)).json()
    assert (draft["status"], draft["version"], draft["published_at"]) == ("DRAFT", 1, None)
    published = (await client.post(f"{path}/publish", json={"change_log": "First"})).json()
    assert (published["status"], published["version"]) == ("PUBLISHED", 2)
    assert published["published_at"] is not None
    await client.patch(path, json={"template": "Now {{code}}"})
    await client.post(f"{path}/publish", json={})
    versions = (await client.get(f"{path}/versions")).json()["items"]
    assert [(one["version"], one["template"], one["change_log"]) for one in versions] == [
        (3, "Now {{code}}", None),
        (2, PROMPT["template"], "First"),
    ]


async def test_line_3_twenty_publishes_at_once_all_succeed_with_consecutive_versions(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    path = await make_prompt(client)
    answers = await asyncio.gather(*(client.post(f"{path}/publish", json={}) for _ in range(20)))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 22))
    kept = await catalog.fetch("select version from prompt_versions order by version")
    assert [row[0] for row in kept] == list(range(2, 22))
    assert await catalog.fetchval("select version from prompts") == 21


async def test_line_3_a_publish_whose_version_cannot_be_kept_changes_nothing(pool: assay.Pool, prompt_id: UUID) -> None:
    user = await pool.fetch_one(UUID, "select id from users")
    await pool.execute(
        "insert into prompt_versions (prompt_id, version, template, variables) values ($1, 2, '', '[]')", prompt_id
    )
    with pytest.raises(assay.UniqueViolation):
        await publishing.publish(pool, prompt_id, user, None)
    prompt = await prompts.of_user(pool, prompt_id, user)
    assert prompt is not None
    assert (prompt.status, prompt.version, prompt.published_at) == ("DRAFT", 1, None)


async def test_line_3_what_is_nobody_s_is_not_published(pool: assay.Pool, prompt_id: UUID) -> None:
    assert await publishing.publish(pool, prompt_id, prompt_id, None) is None


async def test_line_3_an_archived_prompt_can_be_published_again(client: httpx.AsyncClient) -> None:
    path = await make_prompt(client)
    assert (await client.post(f"{path}/archive")).json()["status"] == "ARCHIVED"
    assert (await client.post(f"{path}/publish", json={})).json()["status"] == "PUBLISHED"
