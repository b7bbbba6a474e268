"""Point in time by pgBackRest, on a server of the tests' own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import SYSTEM_15
from tests.fixtures.replication import SETTINGS, Node
from tests.fixtures.servers import fresh_home

from assay.config import DatabaseUrl
from assay.errors import BackupError
from assay.ops.backup.pitr.archive import flush
from assay.ops.backup.pitr.pgbackrest import (
    Stanza,
    find_stanza,
    make_backup,
    read_backups,
    restore_stanza,
    set_up_stanza,
)
from assay.server import Server, cluster, postmaster
from assay.server.account import service_account
from assay.server.layout import Layout, socket_folder

needs_pgbackrest = pytest.mark.skipif(
    shutil.which("pgbackrest") is None or not SYSTEM_15.exists(),
    reason="no pgBackRest, or no PostgreSQL 15 for it, on this machine",
)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    yield from fresh_home()


@pytest.fixture(scope="module")
def node(home: Path) -> Iterator[Node]:
    server = Server.locate("15", home=home / "primary")
    server.layout.make()
    made = Node(server.programs(), server.layout)
    cluster.ensure(made.programs, made.layout)
    with (made.layout.data / "postgresql.conf").open("a") as file:
        file.write(SETTINGS)
    made.start()
    made.run("create database shop")
    made.run("create table log (id int)")
    yield made
    made.kill()


@pytest.fixture(scope="module")
def stanza(home: Path, node: Node) -> Stanza:
    account = service_account()
    for name in ("repo", "spool", "logs", "lock"):
        (home / name).mkdir()
        if account is not None:
            os.chown(home / name, account.uid, account.gid)
    config = home / "pgbackrest.conf"
    config.write_text(
        f"[global]\nrepo1-path={home}/repo\nspool-path={home}/spool\nlog-path={home}/logs\nlock-path={home}/lock\n"
        f"start-fast=y\n[shop]\npg1-path={node.layout.data}\npg1-socket-path={socket_folder(node.layout)}\n"
        "pg1-user=postgres\n"
    )
    return find_stanza("shop", config)


@needs_pgbackrest
async def test_a_server_is_set_up_backed_up_and_restored_to_between_two_writes(
    node: Node, stanza: Stanza, home: Path
) -> None:
    first = await set_up_stanza(node.url, stanza)
    assert first.restart
    node.stop()
    node.start()
    assert (await set_up_stanza(node.url, stanza)).archived is not None
    assert await read_backups(stanza) == ()
    made = await make_backup(node.url, stanza)
    assert (made.kind, made.size > 1_000_000) == ("full", True)
    await asyncio.sleep(1.1)  # pgBackRest tells moments apart by whole seconds
    node.run("insert into log values (1)")
    before = datetime.fromisoformat(node.run("select clock_timestamp()"))
    await asyncio.sleep(0.1)
    node.run("insert into log values (2)")
    await flush(node.url)
    data = home / "restored" / "data"
    data.parent.mkdir()
    account = service_account()
    if account is not None:
        os.chown(data.parent, account.uid, account.gid)
    await restore_stanza(stanza, before + timedelta(milliseconds=50), data, account)
    assert await ids(node, data) == [1]
    with pytest.raises(BackupError, match="is there; restore into another folder"):
        await restore_stanza(stanza, before, data, account)


async def ids(node: Node, data: Path) -> list[int]:
    layout = Layout(data.parent, data.parent, service_account(), data.parent)
    postmaster.start(node.programs, layout, data.parent, listen="", port=5432, began=lambda: None)
    try:
        connection = await asyncpg.connect(DatabaseUrl("postgres", None, str(data.parent), None, "shop").reveal())
        try:
            for _ in range(200):
                if not await connection.fetchval("select pg_is_in_recovery()"):
                    break
                await asyncio.sleep(0.05)
            return [row[0] for row in await connection.fetch("select id from log order by id")]
        finally:
            await connection.close()
    finally:
        found = postmaster.find(layout)
        if found is not None:
            postmaster.stop(layout, found)


@needs_pgbackrest
async def test_a_stanza_that_is_not_there_is_told(home: Path, node: Node, stanza: Stanza) -> None:
    with pytest.raises(BackupError, match="The stanza nothing is not in order: missing stanza"):
        await read_backups(find_stanza("nothing", stanza.config))


def test_without_pgbackrest_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BackupError, match="pgBackRest is not installed; install it, or leave out the stanza"):
        find_stanza("shop")


@needs_pgbackrest
def test_the_commands_take_the_stanza_of_pyproject(node: Node, stanza: Stanza, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.assay.backup]\npitr = { stanza = "nothing" }\n')
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PGBACKREST_CONFIG": str(stanza.config)}
    command = [sys.executable, "-m", "assay", "backup", "pitr", "status", "-D", node.url.reveal()]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert "The stanza nothing is not in order" in done.stderr
