"""Lines 6 and 7: the dashboard, and search."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from backends.formaops.tests.conftest import made, make_prompt, sign_up

FILL = """
    insert into executions
        (user_id, prompt_id, inputs, status, latency_ms, cost_usd, created_at, started_at, completed_at)
    select u.ids[1 + n % 500], p.id, '{}', 'COMPLETED', 1 + n % 1000, (n % 100) / 1000.0, moment, moment, moment
    from generate_series(1, $1::int) n,
         lateral (select now() - n * interval '20 seconds' as moment) m,
         (select array_agg(id) as ids from users) u,
         (select id from prompts limit 1) p
"""
RECENT = """
    select e.id, p.id, p.name from executions e join prompts p on p.id = e.prompt_id
    where e.user_id = $1 order by e.created_at desc limit 20
"""
METRICS = """
    select count(*), avg(latency_ms), avg(cost_usd), sum(cost_usd) from executions
    where user_id = $1 and created_at > now() - interval '24 hours'
"""


async def plan(catalog: asyncpg.Connection, sql: str, *args: object) -> str:
    return "\n".join(row[0] for row in await catalog.fetch(f"explain (analyze, costs off) {sql}", *args))


async def fill(catalog: asyncpg.Connection, rows: int) -> UUID:
    """500 users with so many executions together; the first user."""
    await catalog.execute("insert into users (email) select 'u' || n from generate_series(1, 500) n")
    await catalog.execute("insert into prompts (name, template, user_id) select 'p', 't', id from users")
    await catalog.execute(FILL, rows)
    await catalog.execute("vacuum analyze executions")
    user: UUID = await catalog.fetchval("select id from users order by email limit 1")
    return user


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.soak)])
async def test_line_6_dashboard_and_metrics_use_their_index(catalog: asyncpg.Connection, rows: int) -> None:
    user = await fill(catalog, rows)
    plans = [await plan(catalog, sql, user) for sql in (RECENT, METRICS)]
    for found in plans:
        assert "idx_executions_user_created" in found, found
        assert "Seq Scan on executions" not in found
    if rows == 1_000_000:
        print("", *plans, sep="\n")


async def test_line_6_the_dashboard_has_the_last_20_with_their_prompts_and_the_numbers_of_a_day(
    client: httpx.AsyncClient, catalog: asyncpg.Connection
) -> None:
    path = await make_prompt(client)
    for _ in range(22):
        await made(client, f"{path}/executions", {"inputs": {"code": "x"}})
    await catalog.execute("""
        with numbered as (select id, row_number() over (order by created_at) as n from executions)
        update executions e
        set status = 'COMPLETED', started_at = now(), completed_at = now(), latency_ms = n * 10, cost_usd = n * 0.001
        from numbered where numbered.id = e.id
    """)
    await catalog.execute("update executions set created_at = created_at - interval '25 hours' where latency_ms <= 20")
    found = (await client.get("/dashboard")).json()
    assert [one["latency_ms"] for one in found["recent"]] == [n * 10 for n in range(22, 2, -1)]
    assert all(one["prompt"] == {"id": path.rpartition("/")[2], "name": "Reviewer"} for one in found["recent"])
    metrics = found["metrics"]
    assert (metrics["count"], metrics["mean_latency_ms"]) == (20, 125.0)
    assert (Decimal(metrics["mean_cost_usd"]), Decimal(metrics["total_cost_usd"])) == (
        Decimal("0.0125"),
        Decimal("0.25"),
    )


async def test_line_6_without_executions_there_is_a_dashboard_all_the_same(client: httpx.AsyncClient) -> None:
    found = (await client.get("/dashboard")).json()
    assert found["recent"] == []
    assert (found["metrics"]["count"], found["metrics"]["mean_latency_ms"]) == (0, None)
    assert Decimal(found["metrics"]["total_cost_usd"]) == 0


async def published(client: httpx.AsyncClient, **change: Any) -> None:
    path = await make_prompt(client, **change)
    assert (await client.post(f"{path}/publish", json={})).status_code == 200


async def search(client: httpx.AsyncClient, term: str, **how: Any) -> Sequence[str]:
    return sorted(one["name"] for one in (await client.get("/prompts/search", params={"term": term}, **how)).json())


async def test_line_7_a_term_is_found_in_names_and_descriptions_in_whatever_case(client: httpx.AsyncClient) -> None:
    await published(client, name="Code Reviewer", description=None)
    await published(client, name="Poet", description="Writes CODE in verse")
    await published(client, name="Cook", description="Recipes")
    await make_prompt(client, name="Code in draft")
    assert await search(client, "code") == ["Code Reviewer", "Poet"]
    assert await search(client, "VIEW") == ["Code Reviewer"]
    assert await search(client, "nothing") == []
    grace = await sign_up(client, "grace")
    assert await search(client, "code", headers=grace) == []


@pytest.mark.parametrize(
    ("term", "names"), [("%", ["100%"]), ("_", ["a_b"]), ("\\", ["back\\slash"]), ("0%", ["100%"])]
)
async def test_line_7_signs_match_themselves(client: httpx.AsyncClient, term: str, names: list[str]) -> None:
    for name in ("100%", "a_b", "back\\slash", "plain"):
        await published(client, name=name, description=None)
    assert await search(client, term) == names


async def test_line_7_ten_at_most(client: httpx.AsyncClient) -> None:
    for number in range(12):
        await published(client, name=f"Prompt {number}")
    assert len(await search(client, "prompt")) == 10


async def test_line_7_search_uses_the_index_of_letters(catalog: asyncpg.Connection) -> None:
    await catalog.execute("insert into users (email) select 'u' || n from generate_series(1, 3) n")
    await catalog.execute("""
        insert into prompts (name, description, template, user_id, status, published_at)
        select md5(n::text), md5((n + 1)::text), 't', u.id, 'PUBLISHED', now()
        from generate_series(1, 20000) n, lateral (select id from users order by email limit 1 offset n % 3) u
    """)
    await catalog.execute("vacuum analyze prompts")
    user = await catalog.fetchval("select id from users limit 1")
    sql = (
        "select id from prompts where user_id = $1 and status = 'PUBLISHED' and (name ilike $2 or description ilike $2)"
    )
    assert "idx_prompts_search" in await plan(catalog, sql, user, "%c4ca4238%")
