"""A search path on which other things have the names of PostgreSQL's own: the answers are right all the same."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib import import_module

import asyncpg
import pytest
from tests.fixtures.once import made_once

from assay.catalog import queries
from assay.config import DatabaseUrl
from assay.proof import describe, session

OPERATORS = {
    "oid": ("=", "<>", ">", "<="),
    "name": ("=", "<>"),
    '"char"': ("=", "<>"),
    "int2": ("=", ">"),
    "int4": ("=", "<>", ">", "<=", ">=", "-"),
    "int8": ("=", "<="),
    "text": ("=", "<>"),
    "bool": ("=",),
}
"""What Assay's own statements compare."""

FUNCTIONS = [
    "lower(text) returns text",
    "format_type(oid, int) returns text",
    "unnest(anyarray) returns setof anyelement",
    "json_agg(anyelement) returns json",
    "pg_my_temp_schema() returns oid",
    "set_config(text, text, bool) returns text",
    "octet_length(text) returns int",
]

RELATIONS = ["pg_class", "pg_type", "pg_attribute", "pg_proc", "pg_prepared_statements", "pg_namespace"]


def hostile() -> str:
    """A schema with something of its own for each name."""
    parts = [
        "create schema hostile",
        "create table public.item (id int primary key, size int, name text not null, check (size > 0))",
        "insert into public.item values (1, null, 'x'), (2, 5, 'Y')",
        "create type public.colour as enum ('red', 'green')",
    ]
    for kind, names in OPERATORS.items():
        result = "int" if kind == "int4" else "bool"
        function = f"hostile.no_{kind.strip(chr(34))}"
        for name in names:
            result = kind if name == "-" else "bool"
            parts.append(
                f"create function {function}_{len(parts)}({kind}, {kind}) returns {result} language plpgsql as"
                f" 'begin return null; end'"
            )
            parts.append(
                f"create operator hostile.{name} (leftarg = {kind}, rightarg = {kind},"
                f" function = {function}_{len(parts) - 1})"
            )
    parts += [f"create function hostile.{head} language plpgsql as 'begin return; end'" for head in FUNCTIONS[2:3]]
    parts += [
        f"create function hostile.{head} language plpgsql as 'begin return null; end'"
        for head in FUNCTIONS
        if "setof" not in head
    ]
    parts += [f"create table hostile.{name} (oid int, name text)" for name in RELATIONS]
    parts += [f"create domain hostile.{name} as pg_catalog.{name} check (false)" for name in ("text", "int4", "oid")]
    parts += ["create domain hostile.int8 as pg_catalog.text", "create type hostile.json as enum ()"]
    parts += ["create aggregate hostile.max(int) (sfunc = pg_catalog.int4pl, stype = int)"]
    return "; ".join(parts)


@pytest.fixture(params=["hostile, pg_catalog, public", "hostile, pg_catalog, public, pg_temp"], ids=["path", "temp"])
async def connection(request: pytest.FixtureRequest, server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """A connection whose search path has the hostile schema before PostgreSQL's own."""
    url = await made_once(server, "hostile", hostile())
    opened = await asyncpg.connect(url.reveal())
    await opened.execute(f"set search_path = {request.param}")
    yield opened
    await opened.close()


CASES = [
    ("own_operator", "select id, size from item where id operator(pg_catalog.=) 1", "!?", "optional", True),
    ("operator_of_users", "select id, size from item where id = 1", "!?", "many", False),
    ("operator_of_users_in_a_list", "select id from item where id in (1, 2)", "!", "many", False),
    ("result_of_an_operator_of_users", "select id = 1, id operator(pg_catalog.=) 1 from item", "?!", "many", False),
    ("functions", "select lower(name), pg_catalog.lower(name) from item", "?!", "many", False),
    ("set_returning_function", "select unnest(array[1])", "?", "many", False),
    ("aggregates", "select max(id), pg_catalog.max(id) from item group by name", "?!", "many", False),
    ("table", "select name from pg_class", "?", "many", True),
    ("catalog", "select relname::pg_catalog.text from pg_catalog.pg_class", "!", "many", True),
    ("keyword_types", "select 1::int, '1'::smallint", "!!", "one", True),
    ("parameters", "select name from item where size operator(pg_catalog.=) $1 limit $2", "!", "many", True),
]


@pytest.mark.parametrize(
    ("sql", "marks", "bound", "read_only"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
async def test_answers_are_right(
    connection: asyncpg.Connection, sql: str, marks: str, bound: str, read_only: bool
) -> None:
    before = await connection.fetchval("show search_path")
    description = await describe(connection, sql)
    said = "".join("?" if column.nullable else "!" for column in description.columns)
    assert (said, str(description.rows), description.read_only) == (marks, bound, read_only)
    assert description.notes == ()
    assert await connection.fetchval("show search_path") == before
    if not description.params:
        rows = await connection.fetch(sql)
        assert not any(
            row[number] is None
            for row in rows
            for number, column in enumerate(description.columns)
            if not column.nullable
        )


async def test_types_are_those_that_the_names_mean_there(connection: asyncpg.Connection) -> None:
    description = await describe(
        connection, "select null::text, null::pg_catalog.text, null::int4, null::int, null::colour"
    )
    kinds = [(str(column.type), column.type.kind) for column in description.columns]
    assert kinds[0] == ("text", "domain")
    assert kinds[1] == ("pg_catalog.text", "base")
    assert [kind for _, kind in kinds[2:]] == ["domain", "base", "enum"]


async def test_parameters_of_types_that_others_hide(connection: asyncpg.Connection) -> None:
    description = await describe(connection, "select $1::pg_catalog.text, $2::text, $3::pg_catalog.int4, $4::colour")
    assert [parameter.type.kind for parameter in description.params] == ["base", "domain", "base", "enum"]


def _statements() -> dict[str, str]:
    described = import_module("assay.proof.describe")
    rooms = {"catalog.queries": vars(queries), "proof.session": vars(session), "proof.describe": vars(described)}
    return {
        f"{room}.{name}": text
        for room, names in rooms.items()
        for name, text in names.items()
        if isinstance(text, str) and text.lstrip().startswith("--")
    }


@pytest.mark.parametrize("name", _statements())
def test_own_statements_look_nothing_up_by_its_bare_name(name: str) -> None:
    text = re.sub(r"--.*|'[^']*'|/\*.*?\*/", "", _statements()[name])
    assert not re.search(r"\b(in|between|like|nullif|using)\b\s*\(", text, re.IGNORECASE)
    assert not re.search(r"(?<![(.])(=|<>|<=|>=|\s<\s|\s>\s|\s-\s)(?!\))", text)
    bare = set(re.findall(r"(?<![\w.])([a-z_]+)\(", text)) - {
        "operator", "any", "exists", "coalesce", "below", "needed", "made", "part", "u", "lateral", "array", "and", "or",
        "not", "where", "select", "as", "from",
    }  # fmt: skip
    assert bare == set()
