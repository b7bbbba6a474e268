"""Behind a proxy that pools by transaction the lock would guard nothing, so Assay refuses to migrate there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.pooling import pooling_proxy

from assay import migrate
from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate.proxy import refuse_other_process

TABLE = "select to_regclass('a') is not null"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_a.sql").write_text("create table a ();")
    return tmp_path


async def test_a_url_that_leads_to_transaction_pooling_is_refused(
    database: DatabaseUrl, driver: Any, folder: Path
) -> None:
    async with pooling_proxy(database, folder) as url:
        with pytest.raises(MigrationError, match=r"proxy that pools by transaction: .* served two connections at once"):
            await migrate.run(url, folder)
    assert not await driver.fetchval(TABLE)


async def test_a_pool_on_transaction_pooling_is_refused(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    async with (
        pooling_proxy(database, folder) as url,
        asyncpg.create_pool(url.reveal(), min_size=1, max_size=2, statement_cache_size=0) as pool,
    ):
        with pytest.raises(MigrationError, match="proxy that pools by transaction"):
            await migrate.run(pool, folder)
    assert not await driver.fetchval(TABLE)


async def test_session_pooling_is_accepted(database: DatabaseUrl, driver: Any, folder: Path) -> None:
    async with pooling_proxy(database, folder, by_session=True) as url:
        assert len((await migrate.run(url, folder)).steps) == 1
    assert await driver.fetchval(TABLE)


async def test_a_session_that_is_given_another_process_is_refused(database: DatabaseUrl, folder: Path) -> None:
    async with pooling_proxy(database, folder) as url:
        one = await asyncpg.connect(url.reveal(), statement_cache_size=0)
        two = await asyncpg.connect(url.reveal(), statement_cache_size=0)
        pid = await one.fetchval("select pg_backend_pid()")
        await refuse_other_process(one, pid)
        async with two.transaction():
            with pytest.raises(MigrationError, match=f"it was with server process {pid}, and is with"):
                await refuse_other_process(one, pid)
        await one.close()
        await two.close()


@pytest.mark.parametrize("value", ["true", "1"])
async def test_a_url_that_says_so_is_refused_before_a_connection_is_made(folder: Path, value: str) -> None:
    with pytest.raises(MigrationError, match="says pgbouncer=true"):
        await migrate.run(f"postgresql://nobody@nowhere.invalid/x?pgbouncer={value}", folder)
