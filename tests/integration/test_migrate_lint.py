"""What pending migrations do is measured: each unsafe one is found, and its safe twin is not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import load
from assay.schema.lint.downs import missing_downs, wrong_downs
from assay.schema.lint.judging import judged
from assay.schema.lint.model import Effect, Mode, Sizes
from assay.schema.lint.pending import chosen_by_ledger, chosen_since
from assay.schema.lint.plan import LockPlan, plan_locks, to_text
from assay.schema.lint.sizes import sizes

BASE = """\
create table device (id integer primary key, model text, note varchar(10), note_checked text, at date);
alter table device add constraint checked check (note_checked is not null);
create table capture (id bigint primary key, device_id integer, taken timestamptz);
create index capture_taken on capture (taken);
create unique index capture_device on capture (device_id);
create table log (at date) partition by range (at);
create table log_old (at date);
create table log_older (at date, check (at is not null and at >= '2020-01-01' and at < '2021-01-01'));
create materialized view models as select model from device;
create unique index models_model on models (model);
"""
NO = "-- no-transaction\n-- lock-timeout: 5s\n"
IN = "-- lock-timeout: 5s\n"


def write(folder: Path, *texts: str) -> None:
    for version, text in enumerate((BASE, *texts), 1):
        (folder / f"{version}_step.sql").write_text(text)


async def planned(server: DatabaseUrl, folder: Path, *texts: str, since: int = 1) -> LockPlan:
    write(folder, *texts)
    return await plan_locks(server, chosen_since(load(folder), since))


async def codes(server: DatabaseUrl, folder: Path, *texts: str, assumed: Sizes | None = None) -> list[str]:
    plan = await planned(server, folder, *texts)
    found = [each.found for file in plan.files for each in judged(file, assumed or plan.sizes)]
    return sorted(each.rule.code + ("" if each.is_error else " warning") for each in found)


TWINS = {
    "a type that is stored otherwise": (
        "MIG101",
        IN + "alter table device alter id type bigint",
        IN + "alter table device alter note type varchar(20)",
    ),
    "a default that differs from row to row": (
        "MIG101",
        IN + "alter table device add r float default random()",
        IN + "alter table device add r float default 0",
    ),
    "a stored generated column": (
        "MIG101",
        IN + "alter table device add r integer generated always as (id + 1) stored",
        IN + "alter table device add r integer; alter table device alter r set default 1",
    ),
    "a table packed": ("MIG101", NO + "vacuum full device", NO + "vacuum device"),
    "a column made NOT NULL": (
        "MIG102",
        IN + "alter table device alter model set not null",
        IN + "alter table device alter note_checked set not null",
    ),
    "a check": (
        "MIG102",
        IN + "alter table device add constraint c check (model <> '')",
        IN + "alter table device add constraint c check (model <> '') not valid",
    ),
    "a foreign key": (
        "MIG102",
        IN + "alter table capture add foreign key (device_id) references device",
        IN + "alter table capture add foreign key (device_id) references device not valid",
    ),
    "a foreign key of a new column": (
        "MIG102",
        IN + "alter table device add capture_id bigint default 1 references capture",
        IN + "alter table device add capture_id bigint references capture",
    ),
    "a constraint validated": (
        "MIG102",
        IN + "alter table capture add constraint c check (taken > '2020-01-01') not valid;\n"
        "alter table capture validate constraint c",
        NO + "alter table capture add constraint c check (taken > '2020-01-01') not valid;\n"
        "alter table capture validate constraint c",
    ),
    "a partition attached": (
        "MIG102",
        IN + "alter table log attach partition log_old for values from ('2020-01-01') to ('2021-01-01')",
        IN + "alter table log attach partition log_older for values from ('2020-01-01') to ('2021-01-01')",
    ),
    "an index": (
        "MIG103",
        IN + "create index on device (model)",
        NO + "create index concurrently on device (model)",
    ),
    "an index built anew": (
        "MIG103",
        IN + "reindex index capture_taken",
        NO + "reindex index concurrently capture_taken",
    ),
    "a unique constraint": (
        "MIG103",
        IN + "alter table capture add unique (device_id, taken)",
        IN + "alter table capture add constraint u unique using index capture_device",
    ),
    "long work under a lock": (
        "MIG104",
        IN + "alter table device add x integer;\ncreate table copy as select * from capture",
        NO + "alter table device add x integer;\ncreate table copy as select * from capture",
    ),
    "every row changed": (
        "MIG109",
        IN + "update capture set taken = now()",
        IN + "update capture set taken = now() where id between 1 and 1000",
    ),
    "two tables in one transaction": (
        "MIG105",
        IN + "alter table device add x integer;\nalter table capture add x integer",
        NO + "alter table device add x integer;\nalter table capture add x integer",
    ),
    "a lock without limit": (
        "MIG106",
        "alter table device add x integer",
        "set lock_timeout = '2s';\nalter table device add x integer",
    ),
    "a column dropped": (
        "MIG107",
        IN + "alter table device drop note",
        IN + "alter table device rename note to kind",
    ),
    "a table dropped": ("MIG107", IN + "drop table capture", IN + "alter table capture rename to picture"),
    "a view dropped": (
        "MIG107",
        IN + "drop table log_old",
        IN + "drop materialized view models",
    ),
    "a table emptied": ("MIG107", IN + "truncate capture", "delete from capture where id = 3"),
    "a column that rows have no value for": (
        "MIG108",
        IN + "alter table device add x integer not null",
        IN + "alter table device add x integer not null default 3",
    ),
    "what a function hides": (
        "MIG101",
        IN + "do $$ begin execute 'alter table device alter id ' || 'type bigint'; end $$",
        IN + "do $$ begin execute 'alter table device add x ' || 'bigint'; end $$",
    ),
}


def in_schema(name: str, text: str) -> str:
    """A migration in a schema of its own; comments that begin it stay where they are."""
    head = next((head for head in (NO, IN) if text.startswith(head)), "")
    return f"{head}set search_path = {name};\n{text.removeprefix(head)}"


@pytest.fixture(scope="module")
def found_in_twins(server: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], list[str]]:
    """What is found in each twin; all of them are measured in one database."""
    folder, names = tmp_path_factory.mktemp("twins"), {}
    base, version = "", 1
    for kind, (_, *texts) in TWINS.items():
        for which, text in zip(("unsafe", "safe"), texts, strict=True):
            version += 1
            names[version] = (kind, which)
            base += f"create schema s{version}; set search_path = s{version};\n{BASE}"
            (folder / f"{version}_step.sql").write_text(in_schema(f"s{version}", text))
    (folder / "1_base.sql").write_text(base)
    plan = asyncio.run(plan_locks(server, chosen_since(load(folder), 1)))
    return {
        names[file.ready.migration.version]: [each.found.rule.code for each in judged(file, plan.sizes)]
        for file in plan.files
    }


@pytest.mark.parametrize("kind", TWINS)
def test_what_is_unsafe_is_found_and_its_safe_twin_is_not(
    found_in_twins: dict[tuple[str, str], list[str]], kind: str
) -> None:
    assert found_in_twins[kind, "unsafe"] == [TWINS[kind][0]]
    assert found_in_twins[kind, "safe"] == []


async def test_a_materialized_view_is_rewritten_unless_it_is_refreshed_concurrently(
    server_18: DatabaseUrl, tmp_path: Path
) -> None:
    filled = "refresh materialized view models;\n"
    assert await codes(server_18, tmp_path, IN + filled) == ["MIG101"]
    (effect,) = (
        (await planned(server_18, tmp_path, NO + "refresh materialized view concurrently models")).files[0].effects
    )
    assert effect.rewritten == ()
    assert [lock.mode for lock in effect.locks if lock.table == "public.models"] == [Mode.EXCLUSIVE]


async def test_tables_that_the_pending_migrations_create_can_be_locked_at_will(
    server_18: DatabaseUrl, tmp_path: Path
) -> None:
    first = "create table new (id integer, x integer); create index on new (x); alter table new alter id type bigint"
    second = "alter table new add primary key (id); alter table new drop column x; truncate new"
    assert await codes(server_18, tmp_path, first, second) == []


async def test_a_table_known_to_be_small_is_a_warning(server_18: DatabaseUrl, tmp_path: Path) -> None:
    text = IN + "create index on device (model)"
    assert await codes(server_18, tmp_path, text, assumed=Sizes(assumed=100)) == ["MIG103 warning"]
    assert await codes(server_18, tmp_path, text, assumed=Sizes(assumed=10_000)) == ["MIG103"]


async def effects(server: DatabaseUrl, folder: Path, text: str) -> tuple[Effect, ...]:
    (file,) = (await planned(server, folder, text)).files
    return file.effects


async def test_each_statement_has_its_own_locks(server: DatabaseUrl, tmp_path: Path) -> None:
    told = await effects(
        server,
        tmp_path,
        "select model from device;\nupdate device set model = 'x' where id = 1;\ncreate index on device (model);\n"
        "alter table device add x integer",
    )
    locks = [{str(lock.mode) for lock in effect.locks} for effect in told]
    assert locks == [{"ACCESS SHARE"}, {"ROW EXCLUSIVE"}, {"SHARE"}, {"ACCESS EXCLUSIVE"}]
    assert [effect.place.line for effect in told] == [1, 2, 3, 4]


async def test_the_locks_of_a_statement_that_runs_alone_are_seen(server: DatabaseUrl, tmp_path: Path) -> None:
    told = await effects(
        server,
        tmp_path,
        NO + "create index concurrently i on device (model);\nvacuum full capture;\ndrop index concurrently i",
    )
    assert [[(lock.table, str(lock.mode)) for lock in effect.locks] for effect in told] == [
        [("public.device", "SHARE UPDATE EXCLUSIVE")],
        [("public.capture", "ACCESS EXCLUSIVE")],
        [("public.device", "SHARE UPDATE EXCLUSIVE")],
    ]
    assert all(effect.alone for effect in told)


async def test_a_lock_on_an_index_is_one_on_its_table(server_18: DatabaseUrl, tmp_path: Path) -> None:
    (told,) = await effects(server_18, tmp_path, "reindex index capture_taken")
    assert [(lock.mode, lock.through) for lock in told.locks] == [(Mode.ACCESS_EXCLUSIVE, "public.capture_taken")]


async def test_a_file_that_commits_halfway_lets_its_locks_go(server_18: DatabaseUrl, tmp_path: Path) -> None:
    texts = [
        IN + f"alter table device add x integer;\n{end}alter table capture add x integer" for end in ("", "commit;\n")
    ]
    assert await codes(server_18, tmp_path, texts[0]) == ["MIG105"]
    assert await codes(server_18, tmp_path, texts[1]) == []


async def test_a_refused_statement_is_told_with_its_place(server_18: DatabaseUrl, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"2_step\.sql:2:1: column \"nix\"(?s:.*)scratch database"):
        await planned(server_18, tmp_path, "select 1;\ncreate index on device (nix)")


async def test_the_ledger_tells_what_is_pending_and_statistics_how_large_tables_are(
    database: DatabaseUrl, tmp_path: Path, driver: asyncpg.Connection
) -> None:
    from assay.migrate import run

    write(tmp_path)
    await run(database, tmp_path)
    write(tmp_path, IN + "create index on device (model)")
    await driver.execute("insert into device (id, note_checked) select i, 'x' from generate_series(1, 20000) i")
    await driver.execute("analyze device")
    chosen = await chosen_by_ledger(database, load(tmp_path))
    assert [migration.version for migration in chosen.pending] == [2]
    plan = await plan_locks(database, chosen, database, 5)
    size = plan.sizes.of("public.device")
    assert size is not None
    assert size.bytes is not None
    assert (size.rows, size.bytes > 20_000 * 20) == (20_000, True)
    assert "SHARE on public.device (about 20,000 rows, " in "\n".join(to_text(plan))
    assert await driver.fetchval("select count(*) from pg_indexes where tablename = 'device'") == 1


async def test_a_partitioned_table_is_as_large_as_its_partitions(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    await driver.execute(
        "create table p (i integer) partition by range (i); create table p1 partition of p for values from (0) to (10);"
        "create table p2 partition of p for values from (10) to (20); insert into p select i from generate_series(0, 19) i"
    )
    assert (await sizes(database, ["public.p"]))["public.p"].rows is None
    await driver.execute("analyze p")
    found = await sizes(database, ["public.p", "public.nix"])
    assert {name: size.rows for name, size in found.items()} == {"public.p": 20}


def reversible(folder: Path, up: str, down: str) -> None:
    (folder / "1_base.sql").write_text(BASE)
    (folder / "2_step.up.sql").write_text(up)
    (folder / "2_step.down.sql").write_text(down)


DOWNS = {
    "leads back": ("create table x (i integer)", "drop table x", ""),
    "leads back but for the order of columns": (
        "alter table capture drop device_id",
        "alter table capture add device_id integer; create unique index capture_device on capture (device_id)",
        "",
    ),
    "forgets an index": (
        "create index one on capture (id, taken); alter table capture add x integer",
        "alter table capture drop x",
        "new: CREATE INDEX one",
    ),
    "forgets a privilege": ("grant select on capture to public", "select 1", "new: GRANT SELECT"),
    "makes a column another one": (
        "alter table capture drop taken",
        "alter table capture add taken date; create index capture_taken on capture (taken)",
        "gone: taken timestamp with time zone\nnew: taken date",
    ),
    "fails": ("create table x (i integer)", "drop table y", 'table "y" does not exist'),
}


@pytest.mark.parametrize("kind", DOWNS)
async def test_a_down_file_is_tried(server_18: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    up, down, because = DOWNS[kind]
    reversible(tmp_path, up, down)
    found = [each async for _, each in wrong_downs(server_18, chosen_since(load(tmp_path), 1))]
    assert [each.rule.code for each in found] == (["MIG202"] if because else [])
    assert all(because in "\n".join(each.because) for each in found)


async def test_down_files_after_a_wrong_one_are_tried_without_what_it_left(
    server_18: DatabaseUrl, tmp_path: Path
) -> None:
    reversible(tmp_path, "create table x (i integer)", "select 1")
    (tmp_path / "3_step.up.sql").write_text("create index x_i on x (i)")
    (tmp_path / "3_step.down.sql").write_text("drop index x_i")
    (tmp_path / "4_step.up.sql").write_text("alter table x add j integer")
    (tmp_path / "4_step.down.sql").write_text("select 2")
    found = [each.version async for each, _ in wrong_downs(server_18, chosen_since(load(tmp_path), 1))]
    assert found == [2, 4]


async def test_a_condition_that_comes_back_written_otherwise_is_the_same(
    server_18: DatabaseUrl, tmp_path: Path
) -> None:
    reversible(
        tmp_path,
        "alter table v drop constraint known",
        "alter table v add constraint known check ((s)::text = any ((array['a'::varchar, 'b'::varchar])::text[]))",
    )
    (tmp_path / "1_base.sql").write_text("create table v (s varchar(9) constraint known check (s in ('a', 'b')))")
    assert [each async for each in wrong_downs(server_18, chosen_since(load(tmp_path), 1))] == []


def test_a_missing_down_file_is_an_error_only_where_others_have_one(tmp_path: Path) -> None:
    write(tmp_path, "select 1")
    ((_, found),) = missing_downs(chosen_since(load(tmp_path), 1))
    assert (found.rule.code, found.is_error) == ("MIG201", False)
    (tmp_path / "3_next.up.sql").write_text("select 1")
    (tmp_path / "3_next.down.sql").write_text("select 1")
    ((_, found),) = missing_downs(chosen_since(load(tmp_path), 1))
    assert (found.place.path, found.is_error) == (str(tmp_path / "2_step.sql"), True)
