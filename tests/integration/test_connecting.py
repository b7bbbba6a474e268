"""Connections that cannot be opened, and statements that fail, each as one clear Assay error."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.fixtures.surfaces import only_async

from assay import errors
from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.runtime.reports import line_and_column


@pytest.fixture
async def connection(database_18: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    connection = await open_connection(database_18)
    yield connection
    await connection.close()


async def refused(surface: Any, url: str | DatabaseUrl, timeout: float | None = 10) -> errors.Error:
    """The error that opening a connection ends in."""
    with pytest.raises(errors.Error) as caught:
        await surface.connect(url, connect_timeout=timeout)
    return caught.value


async def failed(connection: asyncpg.Connection, sql: str, *args: object) -> errors.Error:
    """The error that a statement is translated to."""
    with pytest.raises(DRIVER_ERRORS) as caught:
        await connection.fetch(sql, *args)
    return translate(caught.value)


async def test_open_connection_reaches_the_database(server: DatabaseUrl) -> None:
    connection = await open_connection(server)
    assert await connection.fetchval("select current_database()") == server.database
    await connection.close()


async def test_missing_database_is_named_with_the_way_to_create_it(surface: Any, server: DatabaseUrl) -> None:
    error = await refused(surface, server.with_database("no_such_place"))
    assert isinstance(error, errors.UndefinedDatabase)
    assert error.sqlstate == "3D000"
    assert 'database "no_such_place"' in error.message
    assert "assay db create" in error.message


async def test_unknown_role_is_an_authentication_failure(surface: Any, server_18: DatabaseUrl) -> None:
    error = await refused(surface, replace(server_18, user="no_such_role", password="hush"))
    assert isinstance(error, errors.AuthenticationFailed)
    assert 'role "no_such_role" does not exist' in error.message
    assert "hush" not in error.message


async def test_closed_port_names_host_port_and_database(surface: Any) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = await refused(surface, f"postgresql://app:hush@127.0.0.1:{port}/shop")
    assert isinstance(error, errors.ConnectionFailed)
    assert f'database "shop" at 127.0.0.1:{port}: connection refused' in error.message
    assert "hush" not in error.message


async def test_unknown_host_is_said_to_be_unknown(surface: Any) -> None:
    error = await refused(surface, "postgresql://app@no-such-host.invalid/shop")
    assert isinstance(error, errors.ConnectionFailed)
    assert "the host name is not known" in error.message


@only_async
async def test_impossible_host_name_is_a_configuration_error(surface: Any) -> None:
    assert isinstance(await refused(surface, "postgresql://app@a..b/shop"), errors.ConfigurationError)


async def test_missing_socket_names_its_folder(surface: Any, tmp_path: Path) -> None:
    error = await refused(surface, f"postgresql://app@/shop?host={tmp_path}")
    assert isinstance(error, errors.ConnectionFailed)
    assert f"there is no server's socket in {tmp_path}" in error.message


@asynccontextmanager
async def host_that(answers: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[str]:
    """``127.0.0.1:port`` of a host that is no PostgreSQL server: it reads a first message, and then does that."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read(8)
        answers(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as host:
        yield f"127.0.0.1:{host.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.close()
            await writer.wait_closed()
    assert writers, "nobody connected"


async def test_silent_host_times_out_with_the_seconds_named(surface: Any) -> None:
    async with host_that(lambda writer: None) as place:
        error = await refused(surface, f"postgresql://app@{place}/shop?sslmode=disable", timeout=0.05)
    assert isinstance(error, errors.ConnectionFailed)
    assert f'database "shop" at {place}: no answer within 0.05 seconds' in error.message


async def test_connect_timeout_in_the_url_takes_the_place_of_the_argument(surface: Any) -> None:
    async with host_that(lambda writer: None) as place:
        error = await refused(
            surface, f"postgresql://app@{place}/shop?sslmode=disable&connect_timeout=0.05", timeout=None
        )
    assert "no answer within 0.05 seconds" in error.message


async def test_connect_timeout_that_is_no_number_is_a_configuration_error(surface: Any, server_18: DatabaseUrl) -> None:
    error = await refused(surface, replace(server_18, options=(("connect_timeout", "soon"),)))
    assert isinstance(error, errors.ConfigurationError)


async def test_connection_closed_by_what_is_not_a_server_is_a_failed_connection(surface: Any) -> None:
    async with host_that(lambda writer: writer.close()) as place:
        error = await refused(surface, f"postgresql://app@{place}/shop?sslmode=disable")
    assert type(error) is errors.ConnectionFailed


async def test_tls_refused_by_the_host_points_at_sslmode(surface: Any) -> None:
    async with host_that(lambda writer: writer.write(b"N")) as place:
        error = await refused(surface, f"postgresql://app@{place}/shop?sslmode=require")
    assert isinstance(error, errors.ConnectionFailed)
    assert "does not speak TLS" in error.message


async def test_unknown_sslmode_is_a_configuration_error(surface: Any, server_18: DatabaseUrl) -> None:
    error = await refused(surface, replace(server_18, options=(("sslmode", "perhaps"),)))
    assert isinstance(error, errors.ConfigurationError)
    assert "sslmode" in error.message


async def test_unknown_setting_in_the_url_is_named(surface: Any, server_18: DatabaseUrl) -> None:
    error = await refused(surface, replace(server_18, options=(("no_such_setting", "1"),)))
    assert 'unrecognized configuration parameter "no_such_setting"' in error.message


async def test_server_without_connections_to_spare_is_a_resource_error(surface: Any, server_18: DatabaseUrl) -> None:
    admin = await open_connection(server_18)
    try:
        await admin.execute("create database test_full connection limit 0")
        await admin.execute("create role test_full_role login")
        error = await refused(surface, replace(server_18, database="test_full", user="test_full_role"))
    finally:
        await admin.execute("drop database if exists test_full")
        await admin.execute("drop role if exists test_full_role")
        await admin.close()
    assert isinstance(error, errors.ResourceError)
    assert "too many connections" in error.message


async def test_failed_statement_says_where_inside_the_sql(connection: asyncpg.Connection) -> None:
    error = await failed(connection, "select 1,\n       nope")
    assert isinstance(error, errors.StatementError)
    assert error.message == 'column "nope" does not exist (line 2, column 8)'
    assert error.position == 18
    assert error.statement == "select 1,\n       nope"


async def test_constraint_violation_carries_every_field(connection: asyncpg.Connection) -> None:
    await connection.execute("create table thing (id int constraint thing_key primary key)")
    await connection.execute("insert into thing values (7)")
    error = await failed(connection, "insert into thing values ($1)", 7)
    assert isinstance(error, errors.UniqueViolation)
    assert (error.sqlstate, error.constraint) == ("23505", "thing_key")
    assert (error.schema, error.table, error.column) == ("public", "thing", None)
    assert error.detail == "Key (id)=(7) already exists."
    assert error.message == ('duplicate key value violates unique constraint "thing_key". Key (id)=(7) already exists')


async def test_argument_of_the_wrong_type_is_a_parameter_error(connection: asyncpg.Connection) -> None:
    assert isinstance(await failed(connection, "select $1::int", "seven"), errors.ParameterError)
    assert isinstance(await failed(connection, "select $1::int", 1, 2), errors.ParameterError)


async def test_statement_on_a_closed_connection_is_a_lost_connection(server_18: DatabaseUrl) -> None:
    connection = await open_connection(server_18)
    await connection.close()
    assert isinstance(await failed(connection, "select 1"), errors.ConnectionLost)


async def test_killed_backend_is_a_lost_connection_that_says_why(server_18: DatabaseUrl) -> None:
    connection, admin = await open_connection(server_18), await open_connection(server_18)
    try:
        statement = asyncio.ensure_future(failed(connection, "select pg_sleep(60)"))
        victim = connection.get_server_pid()
        while not await admin.fetchval("select state = 'active' from pg_stat_activity where pid = $1", victim):
            await asyncio.sleep(0.01)
        await admin.execute("select pg_terminate_backend($1)", victim)
        error = await statement
        after = await failed(connection, "select 1")
    finally:
        await admin.close()
        await connection.close()
    assert isinstance(error, errors.ConnectionLost)
    assert "administrator command" in error.message
    assert isinstance(after, errors.ConnectionLost)


async def test_statement_past_its_timeout_is_cancelled(connection: asyncpg.Connection) -> None:
    with pytest.raises(TimeoutError) as caught:
        await connection.execute("select pg_sleep(60)", timeout=0.05)
    assert isinstance(translate(caught.value), errors.QueryCanceled)


async def test_two_statements_at_once_on_one_connection_is_a_usage_error(connection: asyncpg.Connection) -> None:
    first = asyncio.ensure_future(connection.execute("select pg_sleep(0.2)"))
    await asyncio.sleep(0.05)
    assert isinstance(await failed(connection, "select 1"), errors.UsageError)
    await first


def test_assay_error_is_translated_to_itself() -> None:
    error = errors.PoolClosed()
    assert translate(error) is error


@pytest.mark.parametrize(
    ("position", "expected"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 1)), (5, (2, 2)), (0, (1, 1)), (99, (2, 3))]
)
def test_line_and_column_count_characters_from_one(position: int, expected: tuple[int, int]) -> None:
    assert line_and_column("aé\nbc", position) == expected
