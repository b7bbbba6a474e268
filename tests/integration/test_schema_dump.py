"""The schema written out: the same bytes for the same schema, and it can be loaded."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

import assay
from assay.config import DatabaseUrl
from assay.errors import ConnectionFailed, ServerError
from assay.schema.dump import Dump, dump_schema, tidy
from assay.schema.inventory import read_inventory
from assay.server.client_programs import client_program, connection_variables
from assay.server.databases import create_database, drop_database
from assay.sql.splitting import split_statements

DATA = Path(__file__).parents[1] / "data" / "schema"
EVERYTHING = DATA / "everything.sql"


async def dumped(url: DatabaseUrl, *scripts: str) -> Dump:
    """The schema of a database after some scripts."""
    driver = await asyncpg.connect(url.reveal())
    try:
        for script in scripts:
            await driver.execute(script)
    finally:
        await driver.close()
    return await dump_schema(url)


@pytest.fixture
async def another(database: DatabaseUrl):
    """A second empty database on the same server."""
    url = database.with_database(f"{database.database}_another")
    await create_database(url)
    yield url
    await drop_database(url, force=True)


async def test_a_dump_that_is_loaded_dumps_the_same(database: DatabaseUrl, another: DatabaseUrl) -> None:
    first = await dumped(database, EVERYTHING.read_text())
    assert first.unloaded == ""
    assert first.statements > 60
    assert (await dump_schema(database)).text == first.text
    assert (await dumped(another, first.text)).text == first.text


async def test_the_order_of_creation_does_not_show(database: DatabaseUrl, another: DatabaseUrl) -> None:
    statements = [f"create table t{n} (id integer primary key, b text check (b <> 'x'))" for n in range(12)]
    statements += [f"create function f{n}() returns integer language sql as 'select {n}'" for n in range(6)]
    first = await dumped(database, *statements)
    random.Random(7).shuffle(statements)
    assert (await dumped(another, *statements)).text == first.text


SESSIONS = (
    "timezone = 'Asia/Kolkata'",
    "datestyle = 'German'",
    "intervalstyle = 'iso_8601'",
    "extra_float_digits = -3",
    "bytea_output = 'escape'",
    "quote_all_identifiers = on",
    "standard_conforming_strings = off",
    """search_path = '"a.b", public'""",
)


async def loaded_odd(url: DatabaseUrl) -> str:
    return (
        await dumped(url, *((DATA / f"{name}.sql").read_text() for name in ("everything", "hostile", "constants")))
    ).text


async def test_the_settings_of_roles_and_databases_do_not_show(
    database: DatabaseUrl, driver: asyncpg.Connection, another: DatabaseUrl
) -> None:
    plain = await loaded_odd(database)
    role = f"set_{database.database}"
    await driver.execute(f"create role {role} superuser login")
    try:
        for setting in SESSIONS:
            await driver.execute(f"alter role {role} set {setting}")
            await driver.execute(f"alter database {database.database} set {setting}")
        assert (await dump_schema(replace(database, user=role))).text == plain
        assert (await dump_schema(database)).text == plain
    finally:
        await driver.execute(f"drop role {role}")


@pytest.mark.parametrize("how", ["locale 'C'", "encoding 'SQL_ASCII' locale 'C'", "locale 'C.UTF-8'"])
async def test_locale_and_encoding_do_not_show(server: DatabaseUrl, database: DatabaseUrl, how: str) -> None:
    url = database.with_database(f"{database.database}_other")
    driver = await asyncpg.connect(server.reveal())
    try:
        await driver.execute(f"create database {url.database} template template0 {how}")
        assert await loaded_odd(url) == await loaded_odd(database)
    finally:
        await driver.execute(f"drop database {url.database} with (force)")
        await driver.close()


async def test_owners_and_privileges_do_not_show(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    plain = await loaded_odd(database)
    role = f"owner_{database.database}"
    await driver.execute(f"create role {role}")
    try:
        await driver.execute(
            f"alter database {database.database} owner to {role}; alter schema public owner to {role};"
            f"alter table person owner to {role}; alter function twice owner to {role}; alter type mood owner to {role};"
            f"grant all on all tables in schema public to {role} with grant option; revoke execute on function twice from public; grant usage on schema public to {role};"
            f"alter default privileges in schema public grant select on tables to {role}"
        )
        assert (await dump_schema(database)).text == plain
    finally:
        await driver.execute(f"reassign owned by {role} to postgres; drop owned by {role}; drop role {role}")


async def test_every_character_of_a_comment_is_kept(database: DatabaseUrl, another: DatabaseUrl) -> None:
    await dumped(another, await loaded_odd(database))
    before, after = [await read_inventory(url) for url in (database, another)]
    comments = [
        {key: one.facets["comment"] for key, one in each.objects.items() if "comment" in one.facets}
        for each in (before, after)
    ]
    assert comments[0] == comments[1]
    assert "\r\n" in comments[1]["table", "public.odd"]


async def test_bytes_that_are_no_text_are_refused(server: DatabaseUrl, database: DatabaseUrl) -> None:
    url = database.with_database(f"{database.database}_bytes")
    driver = await asyncpg.connect(server.reveal())
    try:
        await driver.execute(f"create database {url.database} template template0 encoding 'SQL_ASCII' locale 'C'")
        with pytest.raises(
            ServerError,
            match=r"pg_dump failed on .*: query failed: ERROR: +invalid byte sequence for encoding \"UTF8\": 0xff$",
        ):
            await dumped(url, r"create table t (a text default E'\xff')")
    finally:
        await driver.execute(f"drop database {url.database} with (force)")
        await driver.close()


async def test_expressions_that_read_back_otherwise_are_written_as_they_settle(database: DatabaseUrl) -> None:
    table = "create table t (status varchar(9) check (status in ('a', 'b')))"
    assert (
        "ARRAY[('a'::character varying)::text, ('b'::character varying)::text]" in (await dumped(database, table)).text
    )


async def test_what_holds_a_password_or_a_day_is_left_out(database: DatabaseUrl) -> None:
    text = (await dumped(database, EVERYTHING.read_text())).text
    for left_out in ("secret", "USER MAPPING", "restrict", "Dumped", "OWNER TO", "GRANT", "search_path", "complete"):
        assert left_out not in text
    assert "host 'far.example'" in text


async def test_comments_in_bodies_are_kept(database: DatabaseUrl) -> None:
    text = (await dumped(database, EVERYTHING.read_text())).text
    assert "    -- Name: greet; Type: FUNCTION\n    return 'hello; ' || who; -- not an end;\n" in text


async def test_the_ledger_is_left_out_and_the_file_is_a_migration(
    database: DatabaseUrl, another: DatabaseUrl, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, text in ((first, EVERYTHING.read_text()), (second, "")):
        folder.mkdir()
        (folder / "1_all.sql").write_text(text)
    await assay.migrate.run(database, first)
    written = await dump_schema(database)
    assert "_sqlx_migrations" not in written.text
    (second / "1_all.sql").write_text(written.text)
    await assay.migrate.run(another, second)
    assert (await dump_schema(another)).text == written.text


async def test_an_empty_schema_is_a_line(database: DatabaseUrl) -> None:
    found = await dump_schema(database)
    assert (found.statements, found.text.count("\n")) == (0, 1)
    assert found.text.startswith("-- The schema on PostgreSQL ")


async def test_who_may_not_create_databases_gets_what_pg_dump_wrote(
    database: DatabaseUrl, driver: asyncpg.Connection
) -> None:
    role = f"reader_{database.database}"
    await driver.execute(
        f"create table t (status varchar(9) check (status in ('a'))); create role {role} login; grant select on t to {role}"
    )
    try:
        as_reader = DatabaseUrl(role, None, database.host, database.port, database.database, database.options)
        found = await dump_schema(as_reader)
    finally:
        await driver.execute(f"drop owned by {role}; drop role {role}")
    assert "CREATE TABLE public.t" in found.text
    assert "permission denied to create database" in found.unloaded


async def test_nothing_is_left_on_the_server(database: DatabaseUrl, driver: asyncpg.Connection) -> None:
    await dumped(database, "create table t (a integer)")
    assert await driver.fetchval("select count(*) from pg_database where datname like 'assay_dump_%'") == 0


async def test_a_server_that_is_not_there_is_told(database: DatabaseUrl) -> None:
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1"):
        await dump_schema(DatabaseUrl.parse("postgresql://x@127.0.0.1:1/nothing"))


def test_a_version_without_programs_is_told() -> None:
    with pytest.raises(ServerError, match=r"There is no pg_dump for PostgreSQL 99 .*postgresql-client-99"):
        client_program("pg_dump", 99)


def test_a_password_goes_by_the_environment() -> None:
    url = DatabaseUrl.parse("postgresql://me:p%40ss%2F@db.example:5433/app?sslmode=require&statement_timeout=5")
    assert connection_variables(url) == {
        "PGHOST": "db.example",
        "PGPORT": "5433",
        "PGUSER": "me",
        "PGPASSWORD": "p@ss/",
        "PGDATABASE": "app",
        "PGSSLMODE": "require",
        "PGCLIENTENCODING": "UTF8",
    }


def test_a_body_that_speaks_psql_is_left_alone() -> None:
    body = "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n\\restrict xyz\nSET a = 1;\n$$;"
    script = f"--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\n\nSET a = 1;\n{body}\n\\unrestrict abc\n"
    (_, unchecked, function, checked) = tidy(script, 18).strip().split("\n\n")
    assert (unchecked, function, checked) == (
        "SET check_function_bodies = false;",
        body,
        "RESET check_function_bodies;",
    )
    assert len(split_statements(tidy(script, 18))) == 3
