"""Backups of real databases: made, listed, verified, restored and pruned."""

from __future__ import annotations

import asyncio
import json
import secrets
import stat
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.errors import BackupError, DatabaseError, UsageError
from assay.ops.backup import create
from assay.ops.backup.create import Wanted, create_backup
from assay.ops.backup.databases import FILLING
from assay.ops.backup.listing import find_backup, list_backups
from assay.ops.backup.loading import Loading
from assay.ops.backup.manifest import Archive, Contents, Properties
from assay.ops.backup.prune import prune
from assay.ops.backup.restore import restore_backup
from assay.ops.backup.retention import Policy, State
from assay.ops.backup.stores import LocalStore
from assay.ops.backup.verify import verify_backup
from assay.server.client_programs import client_program, connection_variables
from assay.server.databases import database_exists, drop_database

ODD = '"Odd ""schema"""."we\'ird = table"'
SHOP = f"""
create schema "Odd ""schema\"\"\";
create type mood as enum ('sad', 'ok');
create table person (id bigint generated always as identity primary key, name text not null, mood mood default 'ok');
create table {ODD} (t int, "select" text, n numeric);
create table part (id int, at date) partition by range (at);
create table part_26 partition of part for values from ('2026-01-01') to ('2027-01-01');
create view grown as select name from person where mood = 'ok';
insert into person (name, mood) select 'person ' || i, case when i % 3 = 0 then 'sad'::mood else 'ok' end
from generate_series(1, 500) i;
insert into {ODD} values (1, 'x', 1.50), (null, null, null), (1, 'x', 1.50);
insert into part values (1, '2026-05-01');
select lo_from_bytea(0, 'large');
"""


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "backups")


@pytest.fixture
async def shop(database: DatabaseUrl, driver: asyncpg.Connection) -> DatabaseUrl:
    await driver.execute(SHOP)
    return database


@pytest.fixture
async def shop_18(database_18: DatabaseUrl) -> DatabaseUrl:
    """The same on one server, for what does not differ between versions."""
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute(SHOP)
    await connection.close()
    return database_18


@pytest.fixture
async def elsewhere(shop: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A database that is not there yet, on the same server, with a name that is hard to pass on."""
    url = shop.with_database(f'we\'ird "{secrets.token_hex(4)}" = %s\\')
    yield url
    await drop_database(url, force=True)


async def counts(url: DatabaseUrl) -> tuple[int, int]:
    connection = await asyncpg.connect(url.reveal())
    try:
        people = await connection.fetchval("select count(*) from person")
        return people, await connection.fetchval(f"select count(*) from {ODD}")
    finally:
        await connection.close()


async def unfinished(url: DatabaseUrl) -> list[str]:
    connection = await asyncpg.connect(url.with_database("postgres").reveal())
    try:
        rows = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", FILLING)
        return [row[0] for row in rows]
    finally:
        await connection.close()


def files(store: LocalStore) -> list[str]:
    return sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob("*") if path.is_file())


@pytest.mark.parametrize(("archive", "jobs"), [(Archive.CUSTOM, 1), (Archive.DIRECTORY, 3)])
async def test_what_is_backed_up_is_restored(
    shop: DatabaseUrl, elsewhere: DatabaseUrl, store: LocalStore, archive: Archive, jobs: int
) -> None:
    manifest = await create_backup(shop, store, Wanted(archive=archive, jobs=jobs, hashed=True))
    assert {table.name: table.rows for table in manifest.tables} == {
        "public.person": 500,
        "public.part_26": 1,
        ODD: 3,
    }
    verified = await verify_backup(store, manifest, shop, content=True, jobs=jobs)
    assert verified.differences == ()
    done = await restore_backup(store, manifest, elsewhere, loading=Loading(jobs))
    assert (done.replaced, await counts(elsewhere)) == (False, (500, 3))
    assert await unfinished(shop) == []


async def test_the_manifest_says_all_there_is_to_know_and_no_secret(shop_18: DatabaseUrl, store: LocalStore) -> None:
    secret = DatabaseUrl(shop_18.user, "hunter2", shop_18.host, shop_18.port, shop_18.database, shop_18.options)
    manifest = await create_backup(secret, store)
    text = (store.root / manifest.id / "manifest.json").read_text()
    assert "hunter2" not in text
    found = json.loads(text)
    assert found["database"] == shop_18.database
    assert (found["server_major"], found["large_objects"]) == (int(found["server_version"].split(".")[0]), 1)
    assert found["schema"]["kinds"]["view"][0] == 1
    (file,) = found["files"]
    assert (file["path"], file["size"]) == ("archive.dump", (store.root / manifest.id / "archive.dump").stat().st_size)


async def test_only_the_owner_can_read_a_backup(shop_18: DatabaseUrl, store: LocalStore) -> None:
    await create_backup(shop_18, store, Wanted(archive=Archive.DIRECTORY))
    modes = {stat.S_IMODE(path.stat().st_mode) for path in [store.root, *store.root.rglob("*")]}
    assert modes == {0o600, 0o700}


async def test_rows_that_come_while_it_runs_are_in_neither_the_dump_nor_the_count(
    shop: DatabaseUrl, driver: asyncpg.Connection, store: LocalStore
) -> None:
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            await driver.execute("insert into person (name) values ('late')")

    writing = asyncio.create_task(write())
    try:
        manifest = await create_backup(shop, store, Wanted(hashed=True))
    finally:
        stop.set()
        await writing
    verified = await verify_backup(store, manifest, shop, content=True)
    assert verified.differences == ()
    assert await driver.fetchval("select count(*) from person") > manifest.rows - 4


async def test_a_corrupted_byte_is_found_and_the_file_named(shop: DatabaseUrl, store: LocalStore) -> None:
    manifest = await create_backup(shop, store)
    path = store.root / manifest.id / "archive.dump"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    verified = await verify_backup(store, manifest, shop)
    assert [one.text for one in verified.differences] == ["archive.dump has another checksum than when it was written"]
    with pytest.raises(BackupError, match=r"damaged: archive\.dump has another checksum"):
        await restore_backup(store, manifest, shop, clean=True)
    assert (await counts(shop))[0] == 500


async def test_a_row_count_that_differs_is_found_in_the_restored_tables(
    shop_18: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop_18, store, Wanted(hashed=True))
    tables = tuple(
        replace(table, rows=table.rows + 1) if "person" in table.name else replace(table, content="0" * 32)
        for table in manifest.tables
    )
    verified = await verify_backup(store, replace(manifest, tables=tables), shop_18, content=True)
    assert [one.text.partition(" has ")[2] for one in verified.differences] == [
        "as many rows as were backed up, but not the same",
        "as many rows as were backed up, but not the same",
        "500 rows, 501 were backed up",
    ]


async def test_a_manifest_that_was_changed_is_not_believed(shop_18: DatabaseUrl, store: LocalStore) -> None:
    manifest = await create_backup(shop_18, store)
    path = store.root / manifest.id / "manifest.json"
    path.write_text(path.read_text().replace('"rows": 500', '"rows": 499'))
    (listed,) = await list_backups(store)
    assert (listed.state, "was changed after it was written" in listed.why) == (State.CORRUPT, True)
    with pytest.raises(BackupError, match="is corrupt"):
        await find_backup(store, manifest.id)


async def test_a_list_tells_complete_incomplete_and_corrupt_ones_apart(shop_18: DatabaseUrl, store: LocalStore) -> None:
    good, half, short = [await create_backup(shop_18, store, Wanted(contents=Contents.SCHEMA)) for _ in range(3)]
    (store.root / half.id / "manifest.json").unlink()
    (store.root / short.id / "archive.dump").write_bytes(b"")
    (store.root / "notes").mkdir()
    states = {one.id: one.state for one in await list_backups(store)}
    assert states == {good.id: State.COMPLETE, half.id: State.INCOMPLETE, short.id: State.CORRUPT}
    with pytest.raises(BackupError, match="is incomplete: it has no manifest"):
        await find_backup(store, half.id)


async def test_a_database_that_is_there_is_replaced_only_when_asked_to(
    shop: DatabaseUrl, driver: asyncpg.Connection, store: LocalStore
) -> None:
    manifest = await create_backup(shop, store)
    await driver.execute("truncate person")
    with pytest.raises(BackupError, match="is there; restore into another one, or with --clean"):
        await restore_backup(store, manifest, shop)
    assert (await counts(shop))[0] == 0
    done = await restore_backup(store, manifest, shop, clean=True)
    assert (done.replaced, await counts(shop)) == (True, (500, 3))


async def test_a_restore_that_fails_leaves_what_was_there(
    shop: DatabaseUrl, driver: asyncpg.Connection, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    role = f"gone_{secrets.token_hex(4)}"
    await driver.execute(f"create role {role}; alter table person owner to {role}")
    manifest = await create_backup(shop, store)
    await driver.execute(f"alter table person owner to postgres; drop owned by {role}; drop role {role}")
    for target, clean in ((elsewhere, False), (shop, True)):
        with pytest.raises(BackupError, match=f'role "{role}" does not exist; create the role first, or restore with'):
            await restore_backup(store, manifest, target, clean=clean)
    assert (await counts(shop), await unfinished(shop)) == ((500, 3), [])
    await restore_backup(store, manifest, elsewhere, loading=Loading(owners=False))
    assert await counts(elsewhere) == (500, 3)


async def test_a_restore_that_comes_to_other_rows_than_were_counted_is_given_up(
    shop_18: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop_18, store)
    more = tuple(replace(table, rows=table.rows + 1) for table in manifest.tables)
    target = shop_18.with_database(f"{shop_18.database}_more")
    with pytest.raises(BackupError, match=r"was loaded, but .* 4 were backed up, and 2 more; nothing was restored"):
        await restore_backup(store, replace(manifest, tables=more), target)
    assert not await database_exists(target)
    assert await unfinished(shop_18) == []


async def test_what_was_said_of_the_database_itself_is_restored(
    shop: DatabaseUrl, driver: asyncpg.Connection, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    name = shop.database
    await driver.execute(
        f"alter database {name} set search_path to '$user', shop; comment on database {name} is 'Ours'"
    )
    manifest = await create_backup(shop, store)
    await restore_backup(store, manifest, elsewhere)
    restored = await asyncpg.connect(elsewhere.reveal())
    try:
        assert await restored.fetchval("show search_path") == '"$user", shop'
        about = "select shobj_description(oid, 'pg_database') from pg_database where datname = current_database()"
        assert await restored.fetchval(about) == "Ours"
    finally:
        await restored.close()


async def test_a_schema_alone_is_restored_without_rows(
    shop: DatabaseUrl, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop, store, Wanted(contents=Contents.SCHEMA))
    assert manifest.tables == ()
    assert (await verify_backup(store, manifest, shop)).differences == ()
    await restore_backup(store, manifest, elsewhere)
    assert await counts(elsewhere) == (0, 0)


async def test_data_alone_take_the_tables_from_the_database_that_they_are_restored_to(
    shop: DatabaseUrl, driver: asyncpg.Connection, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop, store, Wanted(contents=Contents.DATA))
    assert (await verify_backup(store, manifest, shop)).differences == ()
    with pytest.raises(BackupError, match=r"data alone, and .* is not there to take the tables from"):
        await restore_backup(store, manifest, elsewhere)
    await driver.execute("truncate person; create index later on person (name)")
    await restore_backup(store, manifest, shop, clean=True)
    assert (await counts(shop))[0] == 500
    again = await asyncpg.connect(shop.reveal())
    try:
        assert await again.fetchval("select 1 from pg_class where relname = 'later'") == 1
    finally:
        await again.close()


async def test_two_at_once_are_two_backups(shop_18: DatabaseUrl, store: LocalStore) -> None:
    both = await asyncio.gather(*(create_backup(shop_18, store) for _ in range(2)))
    assert len({one.id for one in both}) == 2
    assert [one.state for one in await list_backups(store)] == [State.COMPLETE] * 2


async def test_latest_is_the_newest_complete_one_of_everything(shop_18: DatabaseUrl, store: LocalStore) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    first = await create_backup(shop_18, store, now=early)
    await create_backup(shop_18, store, Wanted(contents=Contents.SCHEMA), now=early + timedelta(days=1))
    third = await create_backup(shop_18, store, now=early + timedelta(days=2))
    (store.root / third.id / "manifest.json").unlink()
    assert (await find_backup(store, "latest")).id == first.id
    assert (await find_backup(store, first.id[:-2])).id == first.id
    with pytest.raises(BackupError, match="3 backups begin with '2026'"):
        await find_backup(store, "2026")
    with pytest.raises(BackupError, match="has no backup 'x'"):
        await find_backup(store, "x")


async def test_pruning_removes_what_the_policy_does_not_keep(shop_18: DatabaseUrl, store: LocalStore) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    made = [
        (await create_backup(shop_18, store, Wanted(contents=Contents.SCHEMA), now=now - timedelta(days=days))).id
        for days in (1, 29, 31)
    ]
    tried = await prune(store, Policy(days=30), dry_run=True, now=now)
    assert ([one.keep for one in tried.decisions], len(await list_backups(store))) == ([True, True, False], 3)
    done = await prune(store, Policy(days=30), now=now)
    assert done.freed > 0
    assert [one.id for one in await list_backups(store)] == made[:2]
    assert files(store) == sorted(f"{name}/{file}" for name in made[:2] for file in ("archive.dump", "manifest.json"))


async def test_a_backup_dated_by_a_wrong_clock_is_kept_and_does_not_count(
    shop_18: DatabaseUrl, store: LocalStore
) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    schema = Wanted(contents=Contents.SCHEMA)
    ahead = await create_backup(shop_18, store, schema, now=now + timedelta(days=365))
    good = await create_backup(shop_18, store, schema, now=now - timedelta(days=50))
    await prune(store, Policy(days=30, count=1), now=now)
    assert {one.id for one in await list_backups(store)} == {ahead.id, good.id}
    assert ahead.server_clock < ahead.started


async def test_contents_cannot_be_compared_when_they_were_not_hashed(shop_18: DatabaseUrl, store: LocalStore) -> None:
    manifest = await create_backup(shop_18, store)
    with pytest.raises(UsageError, match="no hashes of its contents to compare; make one with"):
        await verify_backup(store, manifest, shop_18, content=True)


async def test_what_a_killed_restore_left_is_dropped_by_the_next(
    shop: DatabaseUrl, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    admin = await asyncpg.connect(shop.with_database("postgres").reveal())
    left = f"{FILLING}{secrets.token_hex(6)}"
    try:
        await admin.execute(f"create database {left}")
        await restore_backup(store, await create_backup(shop, store), elsewhere)
        assert left not in await unfinished(shop)
    finally:
        await admin.execute(f"drop database if exists {left}")
        await admin.close()


async def test_a_name_that_no_database_can_have_is_refused(shop_18: DatabaseUrl, store: LocalStore) -> None:
    manifest = await create_backup(shop_18, store)
    with pytest.raises(UsageError, match="is 64 bytes long; PostgreSQL keeps 63"):
        await restore_backup(store, manifest, shop_18.with_database("x" * 64))


async def test_an_empty_database_can_be_backed_up_and_restored(database: DatabaseUrl, store: LocalStore) -> None:
    manifest = await create_backup(database, store, Wanted(hashed=True))
    assert (manifest.rows, (await verify_backup(store, manifest, database, content=True)).differences) == (0, ())


async def test_a_table_that_is_locked_is_waited_for_without_holding_others(
    shop_18: DatabaseUrl, store: LocalStore
) -> None:
    holder, other = [await asyncpg.connect(shop_18.reveal()) for _ in range(2)]
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("lock table person in access exclusive mode")
        backing_up = asyncio.create_task(create_backup(shop_18, store))
        await asyncio.sleep(0.5)
        assert not backing_up.done()
        async with asyncio.timeout(5):
            await other.execute("alter table part_26 set (fillfactor = 90)")
        await transaction.rollback()
        assert (await backing_up).rows == 504
    finally:
        await holder.close()
        await other.close()


async def test_who_wants_a_table_for_himself_between_our_lock_and_pg_dumps_gets_it(
    shop_18: DatabaseUrl, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    altering: list[subprocess.Popen[bytes]] = []

    def begin_to_alter(name: str, major: int) -> Path:
        """Called when the tables are locked and pg_dump is about to be started."""
        if not altering:
            sql = "alter table person add column late int"
            environ = connection_variables(shop_18)
            altering.append(subprocess.Popen([client_program("psql", 18), "-c", sql], env=environ))
            time.sleep(0.5)
        return client_program(name, major)

    monkeypatch.setattr(create, "client_program", begin_to_alter)
    manifest = await create_backup(shop_18, store)
    assert altering[0].wait(5) == 0
    assert (await verify_backup(store, manifest, shop_18)).differences == ()
    assert [one.id for one in await list_backups(store)] == [manifest.id]


async def test_clients_that_come_back_at_once_do_not_keep_a_database_from_being_replaced(
    shop_18: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop_18, store)
    stop = False

    async def come_back() -> int:
        times = 0
        while not stop:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection = await asyncpg.connect(shop_18.reveal())
                try:
                    await connection.execute("select pg_sleep(1)")
                finally:
                    connection.terminate()
            times += 1
            await asyncio.sleep(0.005)
        return times

    clients = [asyncio.create_task(come_back()) for _ in range(3)]
    await restore_backup(store, manifest, shop_18, clean=True)
    stop = True
    assert sum(await asyncio.gather(*clients)) > 0
    assert await counts(shop_18) == (500, 3)


async def test_latest_of_a_store_of_several_databases_is_that_of_the_url(
    shop_18: DatabaseUrl, server_18: DatabaseUrl, store: LocalStore
) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    own = await create_backup(shop_18, store, now=early)
    await create_backup(server_18, store, now=early + timedelta(days=1))
    assert (await find_backup(store, "latest", shop_18.place)).id == own.id
    with pytest.raises(BackupError, match=r"has backups of several databases, and none of .*; give an id"):
        await find_backup(store, "latest", shop_18.with_database("other").place)


async def test_a_locale_that_the_server_lacks_is_told_and_does_not_keep_a_backup_from_being_verified(
    shop: DatabaseUrl, elsewhere: DatabaseUrl, store: LocalStore
) -> None:
    manifest = await create_backup(shop, store)
    foreign = replace(manifest, properties=Properties("UTF8", "tlh_XX.UTF-8", "tlh_XX.UTF-8"))
    with pytest.raises(DatabaseError, match=r"install tlh_XX\.UTF-8 on the server's machine"):
        await restore_backup(store, foreign, elsewhere)
    verified = await verify_backup(store, foreign, shop)
    assert verified.differences == ()
    assert [note.startswith("The scratch database sorts by C, for its server") for note in verified.notes] == [True]
    assert await unfinished(shop) == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_in_another_encoding_comes_back_in_it(
    server_18: DatabaseUrl, store: LocalStore, encoding: str
) -> None:
    url = server_18.with_database(f"test_{encoding.lower()}_{secrets.token_hex(4)}")
    admin = await asyncpg.connect(server_18.reveal())
    try:
        await admin.execute(
            f"create database {url.database} template template0 encoding '{encoding}' lc_collate 'C' lc_ctype 'C'"
            " locale_provider libc"
        )
        connection = await asyncpg.connect(url.reveal())
        await connection.execute("create table café (name text); insert into café values ('Ærø'), ('ü')")
        await connection.close()
        manifest = await create_backup(url, store, Wanted(hashed=True))
        assert (manifest.properties.encoding, manifest.rows) == (encoding, 2)
        assert (await verify_backup(store, manifest, server_18, content=True)).differences == ()
        await restore_backup(store, manifest, url, clean=True)
        assert (
            await admin.fetchval(
                "select pg_encoding_to_char(encoding) from pg_database where datname = $1", url.database
            )
            == encoding
        )
    finally:
        await admin.execute(f"drop database if exists {url.database} with (force)")
        await admin.close()
