"""Line 8: the demo user and what belongs to it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
from backends.common.testing import run_assay
from backends.formaops.queries import executions, prompts, validations
from backends.formaops.templates import verify
from backends.formaops.tests.conftest import BACKEND
from backends.formaops.validating import judge

import assay
from assay.config import DatabaseUrl
from assay.ops.seed import load, seed_files


async def seed(url: DatabaseUrl) -> int:
    return sum([one.rows async for one in load(url, seed_files(BACKEND / "seeds"))])


async def test_line_8_the_seeds_are_those_of_the_page(migrated: DatabaseUrl, pool: assay.Pool) -> None:
    assert await seed(migrated) == 5
    user = await pool.fetch_one(UUID, "select id from users where email = 'demo@formaops.com' and plan = 'PRO'")
    prompt_id = await pool.fetch_one(UUID, "select id from prompts where name = 'AI Code Reviewer'")
    prompt = await prompts.of_user(pool, prompt_id, user)
    assert prompt is not None
    verify(prompt.template, prompt.variables)
    language, code = prompt.variables
    assert (language.default, language.options) == ("typescript", ["typescript", "javascript", "python", "go"])
    assert (code.name, code.required) == ("code", True)
    (schema,) = await validations.active(pool, prompt_id)
    assert schema.name == "Code Review Schema"
    issue = '{"type": "style", "severity": "low", "description": "a", "suggestion": "b"}'
    for output, status in [
        (f'{{"issues": [{issue}], "overall_rating": 10}}', "PASSED"),
        ('{"issues": [{"type": "style"}], "overall_rating": 5}', "FAILED"),
        ('{"issues": [], "overall_rating": 11}', "FAILED"),
        ('{"issues": [], "overall_rating": 0}', "FAILED"),
        ('{"issues": []}', "FAILED"),
    ]:
        assert judge([schema], output).status == status
    (done,) = await executions.newest(pool, user, status=assay.OMIT, at=assay.OMIT, key=assay.OMIT, limit=5)
    assert (done.status, done.latency_ms, done.cost_usd) == ("COMPLETED", 2340, Decimal("0.045"))
    assert done.token_usage is not None
    assert (done.token_usage.input, done.token_usage.output, done.token_usage.total) == (156, 89, 245)


async def test_line_8_seeding_twice_changes_nothing(migrated: DatabaseUrl, catalog: asyncpg.Connection) -> None:
    await seed(migrated)
    before = await everything(catalog)
    assert await seed(migrated) == 0
    assert await everything(catalog) == before


def test_line_8_seed_check_says_so_too(server: DatabaseUrl, tmp_path: Path) -> None:
    done = run_assay(BACKEND, "seed", "--check", "--database-url", server.reveal())
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


async def everything(catalog: asyncpg.Connection) -> list[object]:
    tables = ("users", "prompts", "prompt_versions", "validations", "executions", "execution_logs", "api_keys")
    return [await catalog.fetch(f"select t::text from {table} t order by 1") for table in tables]
