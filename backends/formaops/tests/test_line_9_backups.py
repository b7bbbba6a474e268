"""Line 9: daily dumps, 30 days near and 90 far away; restored row for row; and a moment between two writes."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from backends.common.testing import copy_backend, run_assay
from backends.formaops.models import Priority
from backends.formaops.queries import executions
from backends.formaops.running import stand_in
from backends.formaops.tests.conftest import BACKEND, MIGRATIONS, options_for
from backends.formaops.worker import lane
from tests.fixtures.replication import Node, make_primary
from tests.fixtures.servers import fresh_home

import assay
from assay.config import DatabaseUrl, load_settings
from assay.ops.backup.pitr.archive import archive_command, flush, set_up
from assay.ops.backup.pitr.base import make_base
from assay.ops.backup.pitr.restore import restore_to
from assay.ops.seed import load, seed_files
from assay.server import drop_database, postmaster
from assay.server.account import service_account
from assay.server.layout import Layout

TABLES = ("users", "api_keys", "prompts", "prompt_versions", "validations", "executions", "execution_logs")


async def everything(url: DatabaseUrl) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    connection = await asyncpg.connect(url.reveal())
    try:
        return {
            table: [row[0] for row in await connection.fetch(f"select t::text from {table} t order by 1")]
            for table in TABLES
        }
    finally:
        await connection.close()


async def fill(url: DatabaseUrl, rows: int) -> None:
    """The seeds, and executions that have run."""
    async for _ in load(url, seed_files(BACKEND / "seeds")):
        pass
    async with assay.Pool(url, max_connections=4) as pool:
        prompt, user = await pool.fetch_one(tuple[UUID, UUID], "select id, user_id from prompts")
        for _ in range(rows):
            await executions.add(
                pool, user_id=user, prompt_id=prompt, inputs={"code": "x"}, context=None, priority=Priority.NORMAL
            )
        stop = asyncio.Event()
        task = asyncio.create_task(lane(pool, stand_in, options_for(url), stop))
        async with asyncio.timeout(60):
            while await pool.fetch_one(int, "select count(*) from executions where status <> 'COMPLETED'"):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stop.set()
        await task


def test_line_9_dumps_are_kept_for_30_days_near_and_90_far_away() -> None:
    stores = load_settings(BACKEND, {}).backup["stores"]
    assert (stores["near"]["days"], stores["far"]["days"]) == (30, 90)
    assert stores["far"]["url"].startswith("s3://")


async def test_line_9_a_restore_into_a_fresh_database_has_every_row(migrated: DatabaseUrl, tmp_path: Path) -> None:
    await fill(migrated, 20)
    backend = copy_backend(BACKEND, tmp_path)
    to = f"restored_{secrets.token_hex(4)}"
    here = ("--database-url", migrated.reveal())
    for command in (("create", "--content"), ("verify", "--content"), ("restore", "--to", to)):
        done = await asyncio.to_thread(run_assay, backend, "backup", *command, *here)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    try:
        before = await everything(migrated)
        assert await everything(migrated.with_database(to)) == before
        assert len(before["executions"]) == 21
    finally:
        await drop_database(migrated.with_database(to), force=True)
    listed = run_assay(backend, "backup", "list", "--output-format", "json")
    assert [one["state"] for one in json.loads(listed.stdout)["backups"]] == ["complete"]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    yield from fresh_home()


@pytest.fixture(scope="module")
def node(home: Path) -> Iterator[Node]:
    made = make_primary(home / "primary")
    yield made
    made.kill()


async def test_line_9_a_moment_between_two_writes_is_recovered(node: Node, home: Path) -> None:
    archive = home / "archive"
    command = archive_command(archive)
    assert (await set_up(node.url, archive, command)).restart
    node.stop()
    node.start()
    await set_up(node.url, archive, command)
    await assay.migrate.run(node.url, MIGRATIONS)
    await make_base(node.url, archive)
    await fill(node.url, 3)
    before, moment = await everything(node.url), datetime.fromisoformat(node.run("select clock_timestamp()"))
    await asyncio.sleep(0.1)
    node.run("update executions set output = 'spoiled'; delete from execution_logs")
    assert await everything(node.url) != before
    await flush(node.url)
    place = home / "restored"
    place.mkdir(mode=0o755)
    account = service_account()
    if account is not None:
        os.chown(place, account.uid, account.gid)
    await restore_to(archive, moment, place / "data")
    assert await read(node, place / "data") == before


async def read(node: Node, data: Path) -> dict[str, list[str]]:
    """What a restored directory holds, read on a server of its own."""
    layout = Layout(data.parent, data.parent, service_account(), data.parent)
    folder = data.parent
    postmaster.start(node.programs, layout, folder, listen="", port=5432, began=lambda: None)
    try:
        return await everything(replace(node.url, host=str(folder), port=None))
    finally:
        found = postmaster.find(layout)
        assert found is not None
        postmaster.stop(layout, found)
