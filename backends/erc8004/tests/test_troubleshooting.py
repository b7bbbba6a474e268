"""Line 9: failures are explained with what to do."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
from backends.erc8004.ingest import add_batch
from backends.erc8004.queries import events as stored
from backends.erc8004.tests.making import batch_of, events
from backends.erc8004.tests.processes import finished, running
from backends.erc8004.troubleshooting import explained

import assay
from assay.config import DatabaseUrl


@pytest.fixture
async def reader(catalog: asyncpg.Connection, migrated: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """The database, as a role that owns nothing and may read everything."""
    role = f"reader_{secrets.token_hex(4)}"
    await catalog.execute(
        f"create role {role} login password 'x'; grant select on all tables in schema public to {role}"
    )
    yield DatabaseUrl(role, "x", migrated.host, migrated.port, migrated.database, migrated.options)
    await catalog.execute(f"drop owned by {role}; drop role {role}")


async def test_line_9_a_missing_privilege_is_explained(reader: DatabaseUrl) -> None:
    async with assay.Pool(reader, min_connections=0) as pool:
        assert await stored.last_id(pool) == 0
        with pytest.raises(assay.InsufficientPrivilege) as caught:
            await add_batch(pool, batch_of(events(4)))
    told = explained(caught.value)
    assert "must be owner of table events" in told or "permission denied" in told
    assert "it must own the tables: run it as the role that ran the migrations" in told


async def test_line_9_a_worker_that_lacks_a_privilege_says_so_and_ends(reader: DatabaseUrl) -> None:
    async with running(reader, "--once") as worker:
        code, said = await finished(worker)
    assert code == 2
    assert "run it as the role that ran the migrations" in said
    assert "Traceback" not in said


async def test_line_9_an_extension_that_is_not_available_is_explained(pool: assay.Pool) -> None:
    with pytest.raises(assay.DatabaseError) as caught:
        await pool.execute("create extension no_such_extension")
    assert "TimescaleDB and pgcrypto are optional" in explained(caught.value)


async def test_line_9_an_event_without_a_chunk_is_explained(pool: assay.Pool, catalog: asyncpg.Connection) -> None:
    if not await catalog.fetchval("select event_chunks_are_native()"):
        pytest.skip("TimescaleDB creates the chunk")
    with pytest.raises(assay.CheckViolation) as caught:
        await pool.execute(
            """
            insert into events (chain_id, block_number, block_hash, transaction_hash, log_index, registry, event_type,
                                timestamp, created_at)
            values (1, 1, '0x', '0x', 0, 'identity', 'x', 0, to_timestamp(0))
            """
        )
    assert "call SELECT ensure_event_chunks(first, last)" in explained(caught.value)


async def test_line_9_a_schema_that_was_not_migrated_is_explained(database: DatabaseUrl) -> None:
    async with assay.Pool(database, min_connections=0) as pool:
        with pytest.raises(assay.StatementError) as caught:
            await stored.last_id(pool)
    assert "apply the migrations, with assay migrate run" in explained(caught.value)


async def test_an_error_about_which_nothing_is_known_is_told_as_it_is(pool: assay.Pool) -> None:
    with pytest.raises(assay.DataError) as caught:
        await pool.execute("select 1 / 0")
    assert explained(caught.value) == str(caught.value)
