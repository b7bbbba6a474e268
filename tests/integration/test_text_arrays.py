"""Arrays of types that have no binary form are read whole: empty elements, which the driver loses, too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import assay
from assay.config import DatabaseUrl
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.python import refusal
from assay.pgtypes.table import ENTRIES
from assay.proof import describe
from assay.runtime.textarrays import read_array, write_array

ELEMENTS = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5)
ARRAYS = st.lists(ELEMENTS, max_size=5) | st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(ELEMENTS, min_size=width, max_size=width), min_size=1, max_size=3)
)


@pytest.fixture
async def connection(database: DatabaseUrl) -> AsyncIterator[assay.Connection]:
    """With an extension's type, and domains on it."""
    async with await assay.connect(database) as connection:
        await connection.execute(
            "create extension citext; create domain mail as citext; create domain mails as citext[];"
            "create type mood as enum ('', 'sad'); create type pair as (a int, b text)"
        )
        yield connection


@given(ARRAYS)
def test_what_is_written_is_read(array: list[Any]) -> None:
    assert read_array(write_array(array)) == array
    assert read_array(write_array(array, ":"), ":") == array


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=ARRAYS)
async def test_the_server_writes_and_reads_them_so(connection: assay.Connection, array: list[Any]) -> None:
    assert read_array(await connection.fetch_one(str, "select $1::text[]::text", array)) == array
    assert await connection.fetch_one(list[Any], "select $1::text::text[]", write_array(array)) == array


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(array=ARRAYS)
@pytest.mark.parametrize("kind", ["citext[]", "mail[]", "mails", "refcursor[]"])
async def test_they_travel_whole(connection: assay.Connection, kind: str, array: list[Any]) -> None:
    assert await connection.fetch_one(list[Any], f"select $1::{kind}", array) == array


async def test_bounds_are_left_out(connection: assay.Connection) -> None:
    assert await connection.fetch_one(list[str], "select '[0:2]={a,\"\",b}'::citext[]") == ["a", "", "b"]


@pytest.mark.parametrize("kind", ["tsvector", "tsquery"])
async def test_built_in_types_without_a_binary_form(connection: assay.Connection, kind: str) -> None:
    assert await connection.fetch_one(list[str], f"select array['', '''a''', '']::{kind}[]") == ["", "'a'", ""]


async def test_arrays_of_enums_and_composites_stay_as_they_are(connection: assay.Connection) -> None:
    row = await connection.fetch_one(
        tuple[list[str], list[asyncpg.Record]], "select array['', 'sad']::mood[], array[row(1, '')]::pair[]"
    )
    assert (row[0], [tuple(pair) for pair in row[1]]) == (["", "sad"], [(1, "")])


async def test_what_is_no_list_of_strings_is_refused_as_before(connection: assay.Connection) -> None:
    await connection.fetch_one(list[str], "select array['a']::citext[]")
    for wrong in ([1], "a", 1, {"a": "b"}):
        with pytest.raises(assay.ParameterError, match=r"invalid input for query argument \$1"):
            await connection.fetch_one(Any, "select $1::citext[]", wrong)
    assert await connection.fetch_one(list[str], "select $1::citext[]", {"a"}) == ["a"]


async def test_they_are_read_in_every_session_of_a_pool(database: DatabaseUrl) -> None:
    async with assay.Pool(database, min_connections=0, max_connections=2) as pool:
        await pool.execute("create extension citext")
        async with pool.acquire() as one, pool.acquire() as other:
            for connection in (one, other, one):
                assert await connection.fetch_one(list[str], "select array['', 'a']::citext[]") == ["", "a"]


async def test_composites_and_ranges_of_such_types_are_refused_by_the_check_as_by_the_driver(
    connection: assay.Connection,
) -> None:
    await connection.execute("create type span as range (subtype = citext); create domain spans as span[]")
    kinds = [*sorted({*ENTRIES} - {"unknown", "cstring", "record", "void"}), "json", "jsonb", "int2vector", "oidvector"]
    types = [f'pg_catalog."{kind}"' for kind in kinds] + [
        "citext",
        "citext[]",
        "mails",
        "mood",
        "mood[]",
        "pair",
        "span",
    ]
    for number, kind in enumerate(types):
        try:
            await connection.execute(f"create type holder{number} as (part {kind})")
        except assay.DatabaseError:
            continue  # a type of another version
        sql = f"select $1::holder{number}[]"
        description = await describe(connection.driver, sql)
        found = refusal(description.columns[0].type)
        assert (argument_misfit(description.params[0].type, Any) is not None) == bool(found)
        assert (await refused(connection, sql)) == bool(found), (kind, found)


async def refused(connection: assay.Connection, sql: str) -> bool:
    try:
        await connection.fetch_all(Any, sql, None)
    except assay.ParameterError:
        return True
    return False
