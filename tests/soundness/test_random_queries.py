"""Random statements on empty, sparse and NULL-heavy data: no proof is ever wrong.

The short run is part of the tests. ``make soak`` runs 50,000 statements and reports how many of the columns that
never showed a NULL were proven so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from random import Random

import asyncpg
import pytest
from tests.soundness.queries import DATA, SCHEMA, Writer

from assay.catalog.reader import Catalog
from assay.config import DatabaseUrl
from assay.proof import Description, describe

SHORT = 400
LONG = int(os.environ.get("ASSAY_SOAK_QUERIES", "50000"))


@dataclass
class Tally:
    statements: int = 0
    refused: int = 0
    executed: int = 0
    columns: int = 0
    without_null: int = 0
    proven: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.statements} statements, {self.refused} refused, {self.executed} executions, {self.columns} columns,"
            f" {self.proven / max(1, self.without_null):.1%} of those without a NULL proven so,"
            f" {len(self.wrong)} wrong proofs"
        )


async def prepare(connection: asyncpg.Connection) -> None:
    """The schema three times, with different data."""
    for name, data in DATA.items():
        await connection.execute(f"create schema {name}; set search_path = {name}; {SCHEMA}; {data}")
    # What is compiled for plans that only look costly takes nine tenths of the time where the server can do it.
    await connection.execute("set statement_timeout = '5s'; set jit = off")


async def judge(connection: asyncpg.Connection, sql: str, description: Description, tally: Tally) -> None:
    """Run a statement on all data, and hold the rows against what was said of it."""
    seen_null: set[int] = set()
    seen_rows = False
    for name in DATA:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"set local search_path = {name}")
            rows = await connection.fetch(sql)
        except asyncpg.PostgresError:
            continue
        finally:
            await transaction.rollback()
        tally.executed += 1
        seen_rows = seen_rows or bool(rows)
        seen_null |= {n for row in rows for n, value in enumerate(row.values()) if value is None}
        bound = str(description.rows)
        if (bound == "one" and len(rows) != 1) or (bound == "optional" and len(rows) > 1):
            tally.wrong.append(f"{len(rows)} rows in {name}, said {bound} ({description.rows_reason}): {sql}")
    for number, column in enumerate(description.columns):
        if not column.nullable and number in seen_null:
            tally.wrong.append(f"column {number} is NULL, said never ({column.reason}): {sql}")
    if seen_rows:
        tally.columns += len(description.columns)
        clean = [c for n, c in enumerate(description.columns) if n not in seen_null]
        tally.without_null += len(clean)
        tally.proven += sum(not column.nullable for column in clean)


async def run(database: DatabaseUrl, seed: int, count: int) -> Tally:
    tally, random = Tally(), Random(seed)
    connection = await asyncpg.connect(database.reveal(), statement_cache_size=0)
    try:
        await prepare(connection)
        await connection.execute("set search_path = empty")
        catalog = Catalog(connection.get_server_version().major)
        for _ in range(count):
            sql = Writer(random).statement()
            tally.statements += 1
            try:
                description = await describe(connection, sql, catalog=catalog)
            except asyncpg.PostgresError:
                tally.refused += 1
                continue
            await judge(connection, sql, description, tally)
            if tally.statements % 5000 == 0:
                print(f"{tally}", flush=True)
    finally:
        await connection.close()
    return tally


async def test_no_proof_is_wrong_on_random_statements(database: DatabaseUrl) -> None:
    tally = await run(database, seed=20250123, count=SHORT)
    assert tally.wrong == []
    assert tally.executed > SHORT
    assert tally.proven > 0.5 * tally.without_null


@pytest.mark.soak
@pytest.mark.timeout(0)
async def test_no_proof_is_wrong_on_fifty_thousand_statements(database: DatabaseUrl) -> None:
    seed = int(os.environ.get("ASSAY_SOAK_SEED", "0")) or Random().randrange(1 << 30)
    print(f"\nseed {seed}")
    tally = await run(database, seed=seed, count=LONG)
    print(f"seed {seed}: {tally}")
    assert tally.wrong == []
