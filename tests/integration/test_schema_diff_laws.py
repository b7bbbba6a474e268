"""Laws of the comparison: a random schema changed by one object differs by just that, and the SQL closes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.test_schema_diff import Built, check_change, undone

from assay.config import DatabaseUrl
from assay.schema.altering import drop, subject
from assay.schema.inventory import Inventory, Key, read_objects
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
        draw(st.integers(0, 10**6)),
        draw(st.integers(0, 10**6)),
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


def leaves(inventory: Inventory) -> list[Key]:
    """What can be dropped by itself, so that nothing else goes but what is in it."""
    used: dict[Key, set[Key]] = inventory.dependents()
    keys = [key for key in inventory.objects if key[0] != "schema" and drop(inventory.objects[key])]
    return sorted(key for key in keys if not _others(key, used, inventory))


def _others(key: Key, used: dict[Key, set[Key]], inventory: Inventory) -> set[Key]:
    found, waiting = set(), [key]
    while waiting:
        for user in used.get(waiting.pop(), ()):
            if user not in found:
                found.add(user)
                waiting.append(user)
    return {one for one in found if not _is_within(one, key, inventory)}


def _is_within(key: Key, whole: Key, inventory: Inventory) -> bool:
    above: Key | None = key
    while above is not None and above != whole:
        above = inventory.objects[above].parent
    return above == whole


def change(inventory: Inventory, schema: Schema) -> tuple[str, str]:
    """A statement that changes one object, and how that is told."""
    objects = sorted(inventory.objects)
    columns = [inventory.objects[key] for key in objects if key[0] == "column"]
    item = inventory.objects[objects[schema.choice % len(objects)]]
    column = columns[schema.choice % len(columns)]
    of_column = f"alter table {column.table} alter {column.name}"
    loose = leaves(inventory)
    leaf = inventory.objects[loose[schema.choice % len(loose)]]
    comment = "changed: " + schema.text
    changes = [
        (drop(leaf), f"- {leaf.kind} {leaf.identity}"),
        (f"comment on {subject(item)} is {quote_literal(comment)}", f"~ {item.kind} {item.identity}: comment"),
        (f"grant select ({column.name}) on {column.table} to pg_monitor",
         f"~ column {column.identity}: grants to pg_monitor"),
        (f'alter table {column.table} add "added, one" text collate "C" default {quote_literal(schema.text)}',
         f'+ column {column.table}."added, one"'),
        (f'create index "added; one" on {column.table} (id)', '+ index public."added; one"'),
    ]  # fmt: skip
    changes.append((f"{of_column} set statistics 77", f"~ column {column.identity}: statistics"))
    if "not null" not in column.facets:
        changes.append((f"{of_column} set not null", f"~ column {column.identity}: not null"))
    return changes[schema.how % len(changes)]


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
        await check_change(Built(runner, driver, inventory), *expected(change(inventory, schema)))


def expected(changed: tuple[str, str]) -> tuple[str, list[str]]:
    return changed[0], [changed[1]]


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
