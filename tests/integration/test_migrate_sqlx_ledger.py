"""The ledger that sqlx-cli 0.9.0 wrote is Assay's, and the one that Assay writes is the same."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import State

DATA = Path(__file__).parents[1] / "data" / "sqlx"
MIGRATIONS = DATA / "migrations"

# As in sqlx-postgres/src/migrate.rs
TABLE = """
create table if not exists _sqlx_migrations (
    version bigint primary key, description text not null, installed_on timestamptz not null default now(),
    success boolean not null, checksum bytea not null, execution_time bigint not null
)
"""

COLUMNS = """
select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as not_null,
    pg_get_expr(adbin, adrelid) as default
from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attrelid = '_sqlx_migrations'::regclass and attnum > 0 order by attnum
"""


def recorded() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((DATA / "ledger.json").read_text(encoding="utf-8"))
    return rows


async def restore(driver: Any, rows: list[dict[str, Any]]) -> None:
    """Put rows that SQLx wrote into a table like the one that it created."""
    await driver.execute(TABLE)
    await driver.executemany(
        "insert into _sqlx_migrations values ($1, $2, $3, $4, $5, $6)",
        [
            (
                row["version"],
                row["description"],
                datetime.fromisoformat(row["installed_on"]),
                row["success"],
                bytes.fromhex(row["checksum"]),
                row["execution_time"],
            )
            for row in rows
        ],
    )


async def test_a_ledger_of_sqlx_is_accepted_as_it_is(database: DatabaseUrl, driver: Any) -> None:
    await restore(driver, recorded())
    assert {status.state for status in await migrate.info(database, MIGRATIONS)} == {State.INSTALLED}
    assert (await migrate.run(database, MIGRATIONS)).steps == ()


async def test_assay_goes_on_where_sqlx_stopped(database: DatabaseUrl, driver: Any) -> None:
    await migrate.run(database, MIGRATIONS, target_version=4)
    await driver.execute("drop table _sqlx_migrations")
    await restore(driver, recorded()[:4])
    report = await migrate.run(database, MIGRATIONS)
    assert [step.version for step in report.steps] == [row["version"] for row in recorded()[4:]]


async def test_assay_writes_the_rows_that_sqlx_wrote(database: DatabaseUrl, driver: Any) -> None:
    await migrate.run(database, MIGRATIONS)
    written = await driver.fetch("select * from _sqlx_migrations order by version")
    assert [(row["version"], row["description"], row["success"], row["checksum"].hex()) for row in written] == [
        (row["version"], row["description"], row["success"], row["checksum"]) for row in recorded()
    ]
    assert all(row["execution_time"] > 0 for row in written)


async def test_assay_creates_the_table_that_sqlx_created(database: DatabaseUrl, driver: Any) -> None:
    await migrate.run(database, MIGRATIONS)
    table = json.loads((DATA / "table.json").read_text(encoding="utf-8"))
    assert [dict(record) for record in await driver.fetch(COLUMNS)] == table
    keys = await driver.fetch(
        "select conname::text, pg_get_constraintdef(oid) as definition from pg_constraint "
        "where conrelid = '_sqlx_migrations'::regclass and contype = 'p'"
    )
    assert [tuple(key) for key in keys] == [("_sqlx_migrations_pkey", "PRIMARY KEY (version)")]


async def test_assay_reverts_what_sqlx_applied(database: DatabaseUrl, driver: Any) -> None:
    await migrate.run(database, MIGRATIONS)
    await driver.execute("drop table _sqlx_migrations")
    await restore(driver, recorded())
    report = await migrate.revert(database, MIGRATIONS, target_version=0)
    assert [step.version for step in report.steps] == [20251122000001, 4]


async def test_a_row_that_sqlx_calls_partially_applied_is_refused(database: DatabaseUrl, driver: Any) -> None:
    rows = recorded()
    await restore(driver, [*rows[:-1], {**rows[-1], "success": False}])
    with pytest.raises(MigrationError, match="is marked as not successful in _sqlx_migrations"):
        await migrate.run(database, MIGRATIONS)


async def test_a_row_that_sqlx_skipped_has_no_time_and_is_installed(database: DatabaseUrl, driver: Any) -> None:
    """``sqlx migrate override skip`` writes -1 as the execution time."""
    rows = recorded()
    await restore(driver, [*rows[:-1], {**rows[-1], "execution_time": -1}])
    last = (await migrate.info(database, MIGRATIONS))[-1]
    assert (last.state, last.execution_time) == (State.INSTALLED, None)
