"""Laws of the comparison: a random schema changed by one object differs by just that, and the SQL closes it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.fixtures.mutating import Mutation, mutations
from tests.integration.test_schema_diff import EVERYTHING, Built, all_of, check_change, databases, execute, undone

from assay.config import DatabaseUrl
from assay.schema.dump import dump_schema
from assay.schema.inventory import Inventory, read_objects
from assay.sql.quoting import quote_identifier, quote_literal

TYPES = ("integer", "text", "varchar(20)", "numeric(10,2)", "timestamptz", "jsonb", "boolean", "integer[]", "kind")
CHARACTERS = "abx \"'.;%{}$,()ON-ä"
NAMES = st.lists(st.text(CHARACTERS, min_size=1, max_size=8), min_size=24, max_size=24, unique=True)
SHORT = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(SHORT, max_examples=500)


@dataclass(frozen=True, slots=True)
class Schema:
    """A random schema, and numbers to choose a change by."""

    statements: tuple[str, ...]
    kind: int
    choice: int
    how: int
    text: str


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Tables with columns of all kinds, and around them what a schema has."""
    names = iter([quote_identifier(name) for name in draw(NAMES)])
    statements = ["create type kind as enum ('a', 'b, c', 'it''s')"]
    tables: list[str] = []
    for _ in range(draw(st.integers(1, 3))):
        table = next(names)
        columns = [f"{next(names)} {draw(st.sampled_from(TYPES))}" for _ in range(draw(st.integers(1, 3)))]
        columns = [column + (" not null" if draw(st.booleans()) else "") for column in columns]
        first = columns[0].rpartition('"')[0] + '"'
        statements.append(f"create table {table} (id integer primary key, {', '.join(columns)})")
        statements += draw(
            st.lists(st.sampled_from(around(table, first, tables, next(names))), unique=True, max_size=4)
        )
        tables.append(table)
    return Schema(
        tuple(statements),
        *[draw(st.integers(0, 10**6)) for _ in range(3)],
        draw(st.text(CHARACTERS, min_size=1)),
    )


def around(table: str, column: str, others: list[str], name: str) -> list[str]:
    """What can be said of a table."""
    other = others[-1] if others else table
    return [
        f'create view {name[:-1]}v" as select id, {column} from {table}',
        f'create index {name[:-1]}i" on {table} ({column}) where id > 3',
        f"alter table {table} add {name} integer references {other}",
        f"alter table {table} add constraint {name} check (id <> 7 and {column} is not null)",
        f"alter table {table} alter id set default 5",
        f"comment on table {table} is {quote_literal(name)}",
        f"create function {name}(a {table}) returns integer language sql as 'select 1'",
        f"create policy {name} on {table} using (id > 1)",
        f"create rule {name} as on delete to {table} do instead nothing",
        f'create sequence {name[:-1]}s" increment 3',
        f'alter table {table} add {name[:-1]}g" text generated always as (id::text) stored',
        f"alter table {table} enable row level security",
    ]


def changes(inventory: Inventory, schema: Schema) -> list[Mutation]:
    """What can be changed about one object; each kind of object is as likely as another."""
    kinds = sorted({kind for kind, _ in inventory.objects})
    kind = kinds[schema.kind % len(kinds)]
    keys = sorted(key for key in inventory.objects if key[0] == kind)
    return mutations(inventory, keys[schema.choice % len(keys)], schema.text)


@pytest.fixture(scope="module")
def connected(shared_database: DatabaseUrl) -> Iterator[tuple[asyncio.Runner, asyncpg.Connection]]:
    with asyncio.Runner() as runner:
        driver = runner.run(asyncpg.connect(shared_database.reveal()))
        yield runner, driver
        runner.run(driver.close())


async def one_change(runner: asyncio.Runner, driver: asyncpg.Connection, schema: Schema) -> None:
    async with undone(driver):
        await driver.execute(";\n".join(schema.statements))
        inventory = await read_objects(driver)
        found = changes(inventory, schema)
        assume(found)
        mutation = found[schema.how % len(found)]
        await check_change(Built(runner, driver, inventory), mutation.statement, [mutation.told])


@given(schema=schemas())
@SHORT
def test_a_random_schema_changed_by_one_object_differs_by_it(connected, schema: Schema) -> None:
    runner, driver = connected
    runner.run(one_change(runner, driver, schema))


@pytest.mark.soak
@given(schema=schemas())
@LONG
def test_many_random_schemas_changed_by_one_object_differ_by_it(connected, schema: Schema) -> None:
    runner, driver = connected
    runner.run(one_change(runner, driver, schema))


KINDS = (
    "table", "column", "constraint", "index", "view", "view column", "materialized view", "function", "procedure",
    "aggregate", "trigger", "enum", "domain", "composite type", "range type", "sequence", "policy", "extension", "rule",
    "statistics", "collation", "publication", "event trigger", "schema", "operator", "cast", "server",
    "foreign data wrapper", "foreign table",
)  # fmt: skip
"""Those that are compared; types, defaults, identity, generated columns, grants, comments and partitions are facets."""


@pytest.fixture(scope="module")
def everything(server: DatabaseUrl) -> Iterator[Built]:
    """One of each kind of object, loaded from a dump, so that every expression is written as it will be."""
    with asyncio.Runner() as runner:
        making = databases(server, 2)
        first, loaded = runner.run(making.__aenter__())
        runner.run(execute(first, EVERYTHING.read_text()))
        driver = runner.run(asyncpg.connect(loaded.reveal()))
        runner.run(driver.execute(runner.run(dump_schema(first)).text))
        runner.run(driver.execute("refresh materialized view counted"))
        yield Built(runner, driver, runner.run(all_of(driver)))
        runner.run(driver.close())
        runner.run(making.__aexit__(None, None, None))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_object_can_change_alone(everything: Built, kind: str) -> None:
    """All changes of a kind with few objects, and some of a kind with many."""
    keys = sorted(key for key in everything.inventory.objects if key[0] == kind)
    found = [each for key in keys for each in mutations(everything.inventory, key, 'it\'s; "x" -- $$')]
    assert found
    for mutation in random.Random(kind).sample(found, min(len(found), 8)):
        everything.runner.run(check_change(everything, mutation.statement, [mutation.told]))


def test_there_is_no_other_kind(everything: Built) -> None:
    assert {kind for kind, _ in everything.inventory.objects} == set(KINDS)


@pytest.mark.soak
def test_every_change_of_every_object_is_named_alone(everything: Built) -> None:
    for key in sorted(everything.inventory.objects):
        for mutation in mutations(everything.inventory, key, 'it\'s; "x" -- $$'):
            everything.runner.run(check_change(everything, mutation.statement, [mutation.told]))
