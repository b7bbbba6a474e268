"""Databases lent to tests: as new whatever the test before did, and dropped in the end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import VERSIONS
from tests.fixtures.suites import make_suite

from assay.config import DatabaseUrl, Settings, SettingsForTests, load_settings
from assay.errors import ConfigurationError, DatabaseError, MigrationError, UsageError
from assay.server import Server
from assay.testing.names import PREFIX
from assay.testing.workshop import Lent, Workshop


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, module_home: Path) -> DatabaseUrl:
    """Servers of this file's own, in memory, that allow what keeps a database from being dropped."""
    server = Server.locate(request.param, home=module_home)
    url = server.ensure_running()
    for setting in ("wal_level = logical", "max_prepared_transactions = 2"):
        asyncio.run(run(url, f"alter system set {setting}"))
    server.stop()
    return server.ensure_running()


@pytest.fixture(scope="module")
def settings(server: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project on each server."""
    return project(tmp_path_factory.mktemp("project"), server)


@pytest.fixture
def own_settings(server: DatabaseUrl, tmp_path: Path) -> Settings:
    """A project whose schema no other test has."""
    settings = project(tmp_path, server)
    (settings.migrations / "3_own.sql").write_text(f"comment on table team is '{secrets.token_hex(8)}';\n")
    return settings


def project(folder: Path, server: DatabaseUrl) -> Settings:
    make_suite(folder, server)
    return replace(load_settings(folder, {}), database_url=server)


@pytest.fixture(scope="module")
def workshop(server: DatabaseUrl) -> Iterator[Workshop]:
    opened = Workshop(secrets.token_hex(4))
    yield opened
    opened.close()


async def run(url: DatabaseUrl, *statements: str) -> None:
    connection = await asyncpg.connect(url.reveal())
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


async def value(url: DatabaseUrl, sql: str) -> object:
    connection = await asyncpg.connect(url.reveal())
    found: object = await connection.fetchval(sql)
    await connection.close()
    return found


async def names(server: DatabaseUrl) -> set[str]:
    connection = await asyncpg.connect(server.reveal())
    rows = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", PREFIX)
    await connection.close()
    return {row[0] for row in rows}


CONTENT = """
select json_build_object(
  'teams', (select json_agg(t) from team t), 'people', (select json_agg(p) from person p),
  'ids', (select array[t.last_value::text, t.is_called::text, p.last_value::text, p.is_called::text]
          from team_id_seq t, person_id_seq p),
  'columns', (select count(*) from pg_attribute where attrelid > 16383),
  'objects', (select count(*) from pg_class where oid > 16383),
  'functions', (select count(*) from pg_proc where oid > 16383),
  'comments', (select count(*) from pg_description d where objoid > 16383),
  'privileges', (select relacl::text from pg_class where relname = 'person'),
  'large objects', (select count(*) from pg_largeobject_metadata),
  'settings', (select json_agg(s.setconfig) from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
               where d.datname = current_database())
)::text
"""

CHANGES = {
    "nothing": "select 1",
    "rows added": "insert into team (name) values ('green'); insert into person (team_id) values (3)",
    "rows changed": "update team set name = name || '!'; update person set mood = null",
    "rows deleted": "delete from person; delete from team",
    "an identifier used and rolled back": "begin; insert into team (name) values ('x'); rollback",
    "rows added that are not counted": "set track_counts = off; insert into person (id, team_id) values (1000, 1)",
    "rows changed that are not counted": "set track_counts = off; update team set name = name || '!'",
    "rows deleted that are not counted": "set track_counts = off; delete from person",
    "a sequence set": "select setval('person_id_seq', 1000)",
    "a sequence set back to its start": "select setval('team_id_seq', 1, false)",
    "tables truncated": "truncate team, person restart identity",
    "a table created": "create table other (id int)",
    "a temporary table": "create temp table other (id int); insert into other values (1)",
    "a column added": "alter table person add column age int default 3",
    "a column's default changed": "alter table person alter column mood set default 'sad'",
    "a function created": "create function f() returns int language sql return 1",
    "a table dropped": "drop table person",
    "a comment": "comment on column person.mood is 'how it goes'",
    "a privilege": "grant select on person to public",
    "a label added": "alter type mood add value 'angry'",
    "a large object": "select lo_from_bytea(0, 'large')",
    "a setting of the database": "do $$ begin execute format('alter database %I set work_mem = ''8MB''', "
    "current_database()); end $$",
    "counts that were reset": "insert into team (name) values ('green'); select pg_stat_clear_snapshot(), pg_stat_reset()",
    "a trigger that fights": "create function no() returns trigger language plpgsql as 'begin return null; end'; "
    "create trigger no before delete on team for each row execute function no(); "
    "alter table team enable always trigger no; insert into team (name) values ('green')",
    "a session's advisory lock": "select pg_advisory_lock(1)",
    "rows analysed": "insert into team (name) select n::text from generate_series(1, 500) n; analyze team",
    "a large table": "insert into team (name) select repeat('x', 500) || n from generate_series(1, 5000) n",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
async def test_next_test_finds_nothing_of(workshop: Workshop, settings: Settings, change: str) -> None:
    before = None
    for _ in range(2):  # the second time also what was put back the first time
        lent = workshop.lend(settings, ("dev",))
        content = await value(lent.url, CONTENT)
        before = before or content
        assert content == before
        await run(lent.url, change)
        assert workshop.give_back(lent) == []
    assert await value(workshop.lend(settings, ("dev",)).url, CONTENT) == before


async def lend_twice(workshop: Workshop, settings: Settings, change: str) -> tuple[Lent, Lent]:
    first = workshop.lend(settings, ("dev",))
    await run(first.url, change)
    workshop.give_back(first)
    return first, workshop.lend(settings, ("dev",))


@pytest.mark.parametrize("change", ["select 1", "insert into team (name) values ('x')", "delete from person"])
async def test_database_whose_rows_changed_is_used_again(workshop: Workshop, settings: Settings, change: str) -> None:
    first, second = await lend_twice(workshop, settings, change)
    assert second is first


@pytest.mark.parametrize(
    "change", ["create table other ()", "drop table person", "truncate person", "create role none"]
)
async def test_database_whose_schema_changed_is_replaced(
    workshop: Workshop, settings: Settings, server: DatabaseUrl, change: str
) -> None:
    role = f"r{secrets.token_hex(4)}"
    change = change.replace("role none", f"role {role}; grant select on team to {role}")
    first, second = await lend_twice(workshop, settings, change)
    assert second is not first
    assert first.name not in await names(server)
    await run(server, f"drop role if exists {role}")


async def test_every_test_has_a_new_database_when_recycling_is_off(workshop: Workshop, settings: Settings) -> None:
    settings = replace(settings, testing=SettingsForTests(recycle=False))
    first, second = await lend_twice(workshop, settings, "select 1")
    assert second is not first


async def test_two_databases_lent_at_once_are_two(workshop: Workshop, settings: Settings) -> None:
    first, second = workshop.lend(settings, None), workshop.lend(settings, None)
    await run(first.url, "insert into team (name) values ('x')")
    assert await value(second.url, "select count(*) from team") == 0


@pytest.mark.parametrize(
    ("environments", "teams", "people"), [(None, 0, 0), ((), 2, 0), (("dev",), 2, 2)], ids=["none", "common", "dev"]
)
async def test_seeds_are_those_of_the_environments(
    workshop: Workshop, settings: Settings, environments: tuple[str, ...] | None, teams: int, people: int
) -> None:
    url = workshop.lend(settings, environments).url
    assert await value(url, "select count(*) from team") == teams
    assert await value(url, "select count(*) from person") == people


async def test_connections_left_open_are_told_and_ended(workshop: Workshop, settings: Settings) -> None:
    lent = workshop.lend(settings, None)
    left = await asyncpg.connect(lent.url.reveal(), server_settings={"application_name": "forgetful"})
    await left.execute("begin; insert into team (name) values ('x')")
    assert workshop.give_back(lent) == ["forgetful (idle in transaction: begin; insert into team (name) values ('x'))"]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await left.execute("commit")
    again = workshop.lend(settings, None)
    assert await value(again.url, "select count(*) from team") == 0


async def test_shared_database_is_one_until_it_is_spoiled(workshop: Workshop, settings: Settings) -> None:
    shared = workshop.share(settings, None)
    assert workshop.share(settings, None) is shared
    await run(shared.url, "insert into team (name) values ('x')")
    workshop.spoil(shared)
    again = workshop.share(settings, None)
    assert again is not shared
    assert await value(again.url, "select count(*) from team") == 0


async def test_nobody_can_connect_to_a_template(workshop: Workshop, settings: Settings, server: DatabaseUrl) -> None:
    workshop.lend(settings, None)
    template = next(iter(workshop.share(settings, None).site._templates.values()))
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="not currently accepting connections"):
        await asyncpg.connect(server.with_database(template).reveal())


async def test_template_that_was_dropped_is_built_again(
    workshop: Workshop, own_settings: Settings, server: DatabaseUrl
) -> None:
    first = workshop.lend(own_settings, None)
    (template,) = first.site._templates.values()
    await run(server, f'drop database "{template}"')
    second = workshop.lend(own_settings, None)
    assert await value(second.url, "select count(*) from team") == 0


async def test_closing_drops_all_but_what_is_kept(settings: Settings, server: DatabaseUrl) -> None:
    workshop = Workshop("session")
    lent = [workshop.lend(settings, None) for _ in range(3)]
    shared = workshop.share(settings, None)
    workshop.give_back(lent[0])
    assert workshop.keep(lent[1], "test_that_fails")
    workshop.close()
    left = await names(server)
    assert lent[1].name in left
    assert not left & {lent[0].name, lent[2].name, shared.name}
    await run(server, f'drop database "{lent[1].name}"')


async def test_no_more_are_kept_than_the_settings_say(settings: Settings, server: DatabaseUrl) -> None:
    settings = replace(settings, testing=SettingsForTests(keep_failed=1))
    workshop = Workshop(secrets.token_hex(4))
    first, second = workshop.lend(settings, None), workshop.lend(settings, None)
    assert [workshop.keep(lent, "a test") for lent in (first, second)] == [True, False]
    workshop.close()
    await run(server, f'drop database "{first.name}"')


async def test_kept_database_goes_with_the_next_session_of_the_project(settings: Settings, server: DatabaseUrl) -> None:
    workshop = Workshop("one")
    lent = workshop.lend(settings, None)
    assert workshop.keep(lent, "a test")
    workshop.close()
    looking = await asyncpg.connect(lent.url.reveal())
    for session, stays in (("two", True), ("three", False)):
        workshop = Workshop(session)
        workshop.lend(settings, None)
        assert (lent.name in await names(server)) is stays
        workshop.close()
        await looking.close()


async def test_kept_database_stays_when_another_project_is_tested(
    settings: Settings, server: DatabaseUrl, tmp_path: Path
) -> None:
    workshop = Workshop("one")
    lent = workshop.lend(settings, None)
    assert workshop.keep(lent, "a test")
    workshop.close()
    workshop = Workshop("two")
    workshop.lend(replace(settings, root=tmp_path / "other"), None)
    workshop.close()
    assert lent.name in await names(server)
    await run(server, f'drop database "{lent.name}"')


@pytest.mark.parametrize(
    "left",
    [
        "select pg_create_logical_replication_slot('left', 'test_decoding')",
        "begin; insert into team (name) values ('x'); prepare transaction 'left'",
    ],
    ids=["replication slot", "prepared transaction"],
)
async def test_database_is_dropped_in_spite_of_a(
    workshop: Workshop, settings: Settings, server: DatabaseUrl, left: str
) -> None:
    lent = workshop.lend(settings, None)
    await run(lent.url, "create table other ()", left)
    assert workshop.give_back(lent) == []
    assert lent.name not in await names(server)


async def test_migration_that_fails_is_told_with_its_place(workshop: Workshop, own_settings: Settings) -> None:
    (own_settings.migrations / "4_wrong.sql").write_text("select 1;\nselect nonsense;\n")
    with pytest.raises(MigrationError, match=r"4_wrong\.sql:2:8"):
        workshop.lend(own_settings, None)


async def test_seed_that_fails_is_told_with_its_place(workshop: Workshop, own_settings: Settings) -> None:
    (own_settings.seeds / "1_teams.sql").write_text("insert into nothing values (1);\n")
    with pytest.raises(DatabaseError, match=r"1_teams\.sql:1:13"):
        workshop.lend(own_settings, ())
    assert await value(workshop.lend(own_settings, None).url, "select count(*) from team") == 0


async def test_environment_without_seeds_is_told(workshop: Workshop, settings: Settings) -> None:
    with pytest.raises(UsageError, match="no environment 'prod'; there are dev"):
        workshop.lend(settings, ("prod",))


async def test_role_that_may_not_create_databases_is_told_what_it_lacks(
    workshop: Workshop, settings: Settings, server: DatabaseUrl
) -> None:
    role = f"r{secrets.token_hex(4)}"
    await run(server, f"create role {role} login")
    try:
        with pytest.raises(ConfigurationError, match=f"The role {role} .* may not create databases"):
            workshop.lend(replace(settings, database_url=replace(server, user=role)), None)
    finally:
        await run(server, f"drop role {role}")


async def test_role_that_may_only_create_databases_gets_a_new_one_for_each_test(
    own_settings: Settings, server: DatabaseUrl
) -> None:
    role = f"r{secrets.token_hex(4)}"
    await run(server, f"create role {role} login createdb")
    workshop = Workshop("own")
    owned = replace(own_settings, database_url=replace(server, user=role))
    first, second = await lend_twice(workshop, owned, "insert into team (name) values ('x')")
    assert second is not first
    assert await value(second.url, "select count(*) from team") == 2
    workshop.close()
    owned_by = "select datname from pg_database where datdba = $1::regrole"
    connection = await asyncpg.connect(server.reveal())
    for row in await connection.fetch(owned_by, role):
        await connection.execute(f'drop database "{row[0]}"')
    await connection.execute(f"drop role {role}")
    await connection.close()


async def test_roles_that_were_left_changed_are_told(settings: Settings, server: DatabaseUrl) -> None:
    old, new = (f"r{secrets.token_hex(4)}" for _ in range(2))
    await run(server, f"create role {old}")
    workshop = Workshop("roles")
    await run(workshop.lend(settings, None).url, f"create role {new}; alter role {old} set work_mem = '8MB'")
    changes = workshop.close()
    await run(server, f"drop role {old}; drop role {new}")
    assert {f"{new} was created", f"{old} was altered"} <= set(changes)
