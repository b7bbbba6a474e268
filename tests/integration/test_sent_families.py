"""Between the families of types that no driver's values are converted across, PostgreSQL has nothing that would."""

from __future__ import annotations

import asyncpg
import pytest

from assay.proof.verdict.sent import _OF_TYPES

CASTS = """
select castsource::regtype::text, casttarget::regtype::text from pg_cast
where castcontext in ('i', 'a') and castsource = any($1::regtype[]::oid[]) and casttarget = any($1::regtype[]::oid[])
"""
OPERATORS = """
select oprleft::regtype::text, oprright::regtype::text from pg_operator
where oprleft = any($1::regtype[]::oid[]) and oprright = any($1::regtype[]::oid[])
"""


@pytest.mark.parametrize("query", [CASTS, OPERATORS], ids=["casts", "operators"])
async def test_nothing_joins_two_families(driver: asyncpg.Connection, query: str) -> None:
    names = {await driver.fetchval("select $1::text::regtype::text", name): name for name in _OF_TYPES}
    pairs = await driver.fetch(query, list(_OF_TYPES))
    assert pairs
    across = [(one, two) for one, two in pairs if _OF_TYPES[names[one]] != _OF_TYPES[names[two]]]
    assert across == []
