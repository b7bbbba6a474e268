"""Template databases: built once, whole or not at all."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from assay import errors
from assay.config import DatabaseUrl
from assay.runtime.connecting import open_connection
from assay.server import Server, clone_database, template_database
from assay.server.databases import create_database, database_exists, drop_database
from assay.server.templates import BUILDING, TEMPLATE

BUILDER = """
import asyncio, sys
import asyncpg
from assay.config import DatabaseUrl
from assay.server import template_database

async def build(url):
    connection = await asyncpg.connect(url.reveal())
    await connection.execute("create table built (by int)")
    print("building", flush=True)
    await asyncio.sleep(float(sys.argv[3]))
    await connection.close()

print(asyncio.run(template_database(DatabaseUrl.parse(sys.argv[1]), sys.argv[2], build)), flush=True)
"""


@pytest.fixture(scope="module")
def server_18(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseUrl]:
    """A server of this file's own, so that the templates on it are those of one test."""
    server = Server.locate("18", home=tmp_path_factory.mktemp("templates"))
    yield server.ensure_running()
    server.stop()


@pytest.fixture
async def admin(request: pytest.FixtureRequest) -> AsyncIterator[asyncpg.Connection]:
    server = request.getfixturevalue("server" if "server" in request.fixturenames else "server_18")
    connection = await asyncpg.connect(server.reveal())
    yield connection
    await connection.close()


@pytest.fixture
async def fingerprint(admin: asyncpg.Connection) -> AsyncIterator[str]:
    """A fingerprint that no other test uses; what was made for it is dropped in the end."""
    before = await names(admin)
    yield f"test {secrets.token_hex(8)}"
    for name in await names(admin) - before:
        await admin.execute(f'drop database "{name}" with (force)')


async def names(admin: asyncpg.Connection) -> set[str]:
    rows = await admin.fetch("select datname from pg_database where datname ~ '^assay_(template|building)_'")
    return {row["datname"] for row in rows}


def filling(sql: str) -> Callable[[DatabaseUrl], Awaitable[None]]:
    """A builder that runs some SQL."""

    async def build(url: DatabaseUrl) -> None:
        connection = await asyncpg.connect(url.reveal())
        await connection.execute(sql)
        await connection.close()

    return build


async def refuse(url: DatabaseUrl) -> None:
    raise AssertionError("it was built a second time")


async def builder(server: DatabaseUrl, fingerprint: str, seconds: float) -> asyncio.subprocess.Process:
    """Another process that asks for the template, and takes so long to build it."""
    arguments = [sys.executable, "-c", BUILDER, server.reveal(), fingerprint, str(seconds)]
    return await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)


async def test_template_is_built_once_and_found_again(server: DatabaseUrl, fingerprint: str) -> None:
    name = await template_database(server, fingerprint, filling("create table thing (id int)"))
    assert name.startswith(TEMPLATE)
    assert len(name) == len(TEMPLATE) + 24
    assert await template_database(server, fingerprint, refuse) == name
    connection = await asyncpg.connect(server.with_database(name).reveal())
    assert await connection.fetchval("select count(*) from thing") == 0
    await connection.close()


async def test_other_fingerprint_is_another_template(server_18: DatabaseUrl, fingerprint: str) -> None:
    first = await template_database(server_18, fingerprint, filling("select 1"))
    second = await template_database(server_18, fingerprint + "!", filling("select 1"))
    assert first != second


async def test_many_tasks_at_once_build_once(server_18: DatabaseUrl, fingerprint: str) -> None:
    count = 0

    async def build(url: DatabaseUrl) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(0.05)

    found = await asyncio.gather(*(template_database(server_18, fingerprint, build) for _ in range(10)))
    assert count == 1
    assert len(set(found)) == 1


async def test_many_processes_at_once_build_once(server_18: DatabaseUrl, fingerprint: str) -> None:
    processes = [await builder(server_18, fingerprint, 0.1) for _ in range(4)]
    outputs = [(await process.communicate())[0].decode().split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert sum("building" in words for words in outputs) == 1
    assert len({words[-1] for words in outputs}) == 1


async def test_template_left_half_built_by_a_killed_process_is_built_anew(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    killed = await builder(server_18, fingerprint, 60)
    assert killed.stdout is not None
    assert await killed.stdout.readline() == b"building\n"
    os.kill(killed.pid, signal.SIGKILL)
    await killed.communicate()
    name = await template_database(
        server_18, fingerprint, filling("create table built (by int); insert into built values (2)")
    )
    connection = await asyncpg.connect(server_18.with_database(name).reveal())
    assert await connection.fetchval("select by from built") == 2
    await connection.close()
    assert {found for found in await names(admin) if found.startswith(BUILDING + name.removeprefix(TEMPLATE))} == set()


async def test_half_built_one_of_another_fingerprint_is_swept_too(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    left = f"{BUILDING}{'0' * 24}_test"
    await create_database(server_18.with_database(left))
    await template_database(server_18, fingerprint, filling("select 1"))
    assert left not in await names(admin)


async def test_one_that_is_being_built_is_not_swept(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    other = await builder(server_18, fingerprint + " other", 60)
    assert other.stdout is not None
    await other.stdout.readline()
    building = {name for name in await names(admin) if name.startswith(BUILDING)}
    assert building
    await template_database(server_18, fingerprint, filling("select 1"))
    assert building <= await names(admin)
    other.kill()
    await other.communicate()


async def test_failed_build_leaves_nothing_and_can_be_tried_again(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    before = await names(admin)
    with pytest.raises(ZeroDivisionError):
        await template_database(server_18, fingerprint, fail)
    assert await names(admin) == before
    assert await template_database(server_18, fingerprint, filling("select 1")) in await names(admin)


async def fail(url: DatabaseUrl) -> None:
    raise ZeroDivisionError


async def test_error_of_the_system_during_a_build_is_passed_on_as_it_is(
    server_18: DatabaseUrl, fingerprint: str, tmp_path: Path
) -> None:
    async def build(url: DatabaseUrl) -> None:
        (tmp_path / "missing.sql").read_text()

    with pytest.raises(FileNotFoundError):
        await template_database(server_18, fingerprint, build)


async def test_template1_stays_free_for_others_during_a_build(server_18: DatabaseUrl, fingerprint: str) -> None:
    async def build(url: DatabaseUrl) -> None:
        other = url.with_database(f"test_{secrets.token_hex(6)}")
        assert await create_database(other)
        await drop_database(other)

    await template_database(server_18, fingerprint, build)


async def test_cancelled_build_leaves_nothing(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    before = await names(admin)
    started = asyncio.Event()

    async def build(url: DatabaseUrl) -> None:
        started.set()
        await asyncio.sleep(60)

    task = asyncio.ensure_future(template_database(server_18, fingerprint, build))
    await asyncio.wait({task, asyncio.ensure_future(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(admin) == before


async def test_comment_of_a_template_tells_its_fingerprint(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    hostile = fingerprint + " it's a \"test\\"
    name = await template_database(server_18, hostile, filling("select 1"))
    comment = await admin.fetchval(
        "select shobj_description(oid, 'pg_database')::json ->> 'fingerprint' from pg_database where datname = $1", name
    )
    assert comment == hostile


async def test_template_without_its_comment_is_built_anew(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    name = await template_database(server_18, fingerprint, filling("create table old ()"))
    await admin.execute(f"comment on database {name} is null")
    assert await template_database(server_18, fingerprint, filling("create table new ()")) == name
    connection = await asyncpg.connect(server_18.with_database(name).reveal())
    assert await connection.fetchval("select to_regclass('new') is not null and to_regclass('old') is null")
    await connection.close()


async def set_used(admin: asyncpg.Connection, name: str, ago: timedelta) -> None:
    when = (datetime.now(UTC) - ago).isoformat()
    comment = f'{{"fingerprint":"{name}","created":"{when}","used":"{when}"}}'
    await admin.execute(f"comment on database {name} is '{comment}'")


async def test_oldest_templates_beyond_the_limit_are_dropped_unless_in_use(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    names_by_age = [await template_database(server_18, f"{fingerprint} {n}", filling("select 1")) for n in range(3)]
    oldest, older, old = names_by_age
    for years, name in ((30, oldest), (20, older), (10, old)):
        await set_used(admin, name, timedelta(days=365 * years))
    held = await asyncpg.connect(server_18.with_database(oldest).reveal())
    kept = len([name for name in await names(admin) if name.startswith(TEMPLATE)]) + 1
    newest = await template_database(server_18, fingerprint, filling("select 1"), limit=kept - 2)
    left = await names(admin)
    await held.close()
    assert older not in left
    assert {oldest, old, newest} <= left


async def test_use_renews_the_time_of_a_template(
    server_18: DatabaseUrl, admin: asyncpg.Connection, fingerprint: str
) -> None:
    name = await template_database(server_18, fingerprint, filling("select 1"))
    when = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    await admin.execute(
        f"comment on database {name} is "
        f"""'{{"fingerprint":"{fingerprint}","created":"{when}","used":"{when}"}}'"""
    )
    await template_database(server_18, fingerprint, refuse)
    used = await admin.fetchval(
        "select shobj_description(oid, 'pg_database')::json ->> 'used' from pg_database where datname = $1", name
    )
    assert datetime.now(UTC) - datetime.fromisoformat(used) < timedelta(minutes=5)


@pytest.mark.parametrize("strategy", [None, "file_copy", "wal_log"])
async def test_clone_has_what_the_template_has(server: DatabaseUrl, fingerprint: str, strategy: str | None) -> None:
    template = await template_database(server, fingerprint, filling("create table thing as select 7 as id"))
    url = await clone_database(server, template, f"test_{secrets.token_hex(6)}", strategy=strategy)
    connection = await open_connection(url)
    assert await connection.fetchval("select id from thing") == 7
    await connection.close()
    assert await drop_database(url)


async def test_clone_waits_for_a_client_of_the_template_to_leave(server_18: DatabaseUrl, fingerprint: str) -> None:
    template = await template_database(server_18, fingerprint, filling("select 1"))
    client = await asyncpg.connect(server_18.with_database(template).reveal())
    clone = asyncio.ensure_future(clone_database(server_18, template, f"test_{secrets.token_hex(6)}"))
    await asyncio.sleep(0.1)
    assert not clone.done()
    await client.close()
    assert await drop_database(await clone)


async def test_clone_over_an_existing_database_is_an_error(database: DatabaseUrl, fingerprint: str) -> None:
    template = await template_database(database, fingerprint, filling("select 1"))
    assert database.database
    with pytest.raises(errors.DatabaseError, match="already exists"):
        await clone_database(database, template, database.database)


async def test_database_is_created_once_and_dropped_once(server: DatabaseUrl) -> None:
    url = server.with_database(f"test \"{secrets.token_hex(6)}'; --")
    assert await create_database(url)
    assert not await create_database(url)
    assert await database_exists(url)
    assert await drop_database(url)
    assert not await drop_database(url)
    assert not await database_exists(url)


async def test_database_created_by_many_at_once_is_created_by_one(server_18: DatabaseUrl) -> None:
    url = server_18.with_database(f"test_{secrets.token_hex(6)}")
    assert sorted(await asyncio.gather(*(create_database(url) for _ in range(5)))) == [False] * 4 + [True]
    await drop_database(url)


async def test_database_in_use_is_dropped_only_by_force(server: DatabaseUrl) -> None:
    url = server.with_database(f"test_{secrets.token_hex(6)}")
    await create_database(url)
    client = await open_connection(url)
    with pytest.raises(errors.DatabaseError, match="in use by 1 other session; end them, or drop it with force"):
        await drop_database(url)
    assert await drop_database(url, force=True)
    await client.close()


async def test_missing_maintenance_database_is_done_without(tmp_path: Path) -> None:
    """A server without the database ``postgres``, as some hosts have it."""
    server = Server.locate("18", home=tmp_path)
    try:
        url = server.ensure_running()
        await drop_database(url)
        shop = url.with_database("shop")
        assert await create_database(shop)
        assert await database_exists(shop)
        assert await drop_database(shop)
    finally:
        server.stop()
