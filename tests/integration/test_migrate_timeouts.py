"""Limits that a migration gives itself, and how it tries again when it did not get a lock."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Event, Moment
from assay.migrate import timeouts as module
from assay.migrate.timeouts import Timeouts, read_timeouts

HERE = Path("m.sql")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.02)


@pytest.fixture
async def busy(database: DatabaseUrl, driver: asyncpg.Connection) -> asyncpg.Connection:
    """A connection in a transaction that has read the table t."""
    await driver.execute("create table t (n integer)")
    await driver.execute("begin; select * from t")
    return driver


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-- lock-timeout: 5s\nselect 1", Timeouts(5000, None, 5)),
        ("\n--  lock-timeout : 250\nselect 1", Timeouts(250, None, 5)),
        ("-- no-transaction\n\n--lock-timeout: 250ms\r\n-- lock-retries: 0\nselect 1", Timeouts(250, None, 0)),
        ("-- statement-timeout: 10 min\n-- lock-retries: 9\nselect 1", Timeouts(None, 600_000, 0)),
        ("-- lock-timeout: 0\nselect 1", Timeouts(0, None, 0)),
        ("select 1;\n-- lock-timeout: 5s", Timeouts()),
        ("-- the lock-timeout: 5s\nselect 1", Timeouts()),
    ],
)
def test_the_first_comments_name_the_limits(text: str, expected: Timeouts) -> None:
    assert read_timeouts(HERE, text) == expected


@pytest.mark.parametrize("value", ["", "5 apples", "-1", "1.5s", "25d", "99999999999999999999", "5s; drop table t"])
def test_what_is_no_duration_is_refused_with_its_line(value: str) -> None:
    with pytest.raises(MigrationError, match=r"^m\.sql:2: .* is no duration; write it as 500ms, 5s, 10min or 1h"):
        read_timeouts(HERE, f"-- a migration\n-- lock-timeout: {value}\nselect 1")


def test_what_is_no_number_of_attempts_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"^m\.sql:1: 'many' is no number of attempts"):
        read_timeouts(HERE, "-- lock-retries: many\n")


@pytest.mark.parametrize("first", ["", "-- no-transaction\n"])
async def test_it_tries_again_until_it_gets_the_lock(
    database: DatabaseUrl, busy: asyncpg.Connection, tmp_path: Path, first: str
) -> None:
    text = f"{first}-- lock-timeout: 20ms\n-- lock-retries: 50\ncreate table u ();\nalter table t add a integer;\n"
    (tmp_path / "1_a.sql").write_text(text)
    told: list[Event] = []
    running = asyncio.create_task(migrate.run(database, tmp_path, progress=told.append))
    while sum(event.moment is Moment.NOTICE for event in told) < 3:
        await asyncio.sleep(0.01)
    assert not running.done()
    await busy.execute("commit")
    report = await running
    line = text.count("\n", 0, text.index("alter")) + 1
    assert f"1_a.sql:{line}:1: no lock within 20 ms, another session has it (attempt 1 of 51)" in report.notices[0]
    assert [status.state for status in await migrate.info(database, tmp_path)] == [migrate.State.INSTALLED]
    assert await busy.fetchval("select to_regclass('u') is not null and to_regclass('_assay_progress') is null")


async def test_it_gives_up_after_its_retries_and_keeps_nothing(
    database: DatabaseUrl, busy: asyncpg.Connection, tmp_path: Path
) -> None:
    (tmp_path / "1_a.sql").write_text("-- lock-timeout: 10ms\n-- lock-retries: 2\ncreate table u ();\ndrop table t;\n")
    told: list[Event] = []
    with pytest.raises(MigrationError, match=r"1_a\.sql:4:1: canceling statement due to lock timeout") as caught:
        await migrate.run(database, tmp_path, progress=told.append)
    assert "hint: another session has a lock that is in the way" in str(caught.value)
    assert sum(event.moment is Moment.NOTICE for event in told) == 2
    assert await busy.fetchval("select to_regclass('u') is null")


async def test_another_error_is_not_tried_again(database: DatabaseUrl, tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text("-- lock-timeout: 10ms\nselect 1/0;\n")
    told: list[Event] = []
    with pytest.raises(MigrationError, match="division by zero"):
        await migrate.run(database, tmp_path, progress=told.append)
    assert [event.moment for event in told] == [Moment.STARTED, Moment.STATEMENT]


@pytest.mark.parametrize("first", ["", "-- no-transaction\n"])
async def test_a_statement_that_runs_too_long_is_cancelled(database: DatabaseUrl, tmp_path: Path, first: str) -> None:
    (tmp_path / "1_a.sql").write_text(f"{first}-- statement-timeout: 20ms\nselect pg_sleep(10);\n")
    with pytest.raises(MigrationError, match="canceling statement due to statement timeout"):
        await migrate.run(database, tmp_path)


@pytest.mark.parametrize("first", ["", "-- no-transaction\n"])
async def test_the_limits_end_with_the_file(
    database: DatabaseUrl, driver: asyncpg.Connection, tmp_path: Path, first: str
) -> None:
    (tmp_path / "1_a.sql").write_text(f"{first}-- lock-timeout: 77ms\n-- statement-timeout: 88s\nselect 1;\n")
    (tmp_path / "2_b.sql").write_text(
        "create table limits as select current_setting('lock_timeout') as a, current_setting('statement_timeout') as b"
    )
    await migrate.run(driver, tmp_path)
    assert tuple(await driver.fetchrow("select * from limits")) == ("0", "0")
    assert await driver.fetchval("select current_setting('lock_timeout')") == "0"
