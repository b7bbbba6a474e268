"""Schemas of real projects: built twice they do not differ, a dump of them is the same again, and one change is named alone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import asyncpg
import pytest
from tests.fixtures.mutating import Mutation, mutations
from tests.fixtures.public_schemas import PROJECTS, install
from tests.integration.test_schema_diff import Built, all_of, check_change, databases, execute, told

from assay.config import DatabaseUrl
from assay.schema.drift import Drift, find_drift
from assay.schema.dump import dump_schema
from assay.schema.inventory import Inventory

CHARACTERS = "abx \"'.;%{}$,()--ä\n"
FEW, MANY = 12, 400
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def built(project: str, server_18: DatabaseUrl) -> Iterator[Built]:
    """A connection to a database in which a dump of the project's schema was loaded, so that all is written as it will be."""
    with asyncio.Runner() as runner:
        making = databases(server_18, 2)
        installed, loaded = runner.run(making.__aenter__())
        install(project, installed)
        driver = runner.run(asyncpg.connect(loaded.reveal()))
        runner.run(driver.execute(runner.run(dump_schema(installed)).text))
        yield Built(runner, driver, runner.run(all_of(driver)))
        runner.run(driver.close())
        runner.run(making.__aexit__(None, None, None))


def some(inventory: Inventory, count: int, seed: int) -> Iterator[Mutation]:
    """Changes of all kinds of objects that there are, each kind as often as another."""
    chance = random.Random(seed)
    kinds: dict[str, list[tuple[str, str]]] = {}
    for key in sorted(inventory.objects):
        kinds.setdefault(key[0], []).append(key)
    for _ in range(count):
        key = chance.choice(kinds[chance.choice(sorted(kinds))])
        text = "".join(chance.choices(CHARACTERS, k=chance.randint(1, 9)))
        found = mutations(inventory, key, text)
        if found:
            yield chance.choice(found)


def test_installed_twice_there_is_no_difference(project: str, server_18: DatabaseUrl) -> None:
    assert asyncio.run(installed_and_compared(server_18, project, project)) == Drift(())


def test_six_years_of_migrations_build_what_the_schema_of_today_says(server_18: DatabaseUrl) -> None:
    assert asyncio.run(installed_and_compared(server_18, "procrastinate", "procrastinate_migrated")) == Drift(())


async def installed_and_compared(server: DatabaseUrl, *projects: str) -> Drift:
    async with databases(server, 2) as (one, other):
        for url, project in zip((one, other), projects, strict=True):
            install(project, url)
        return await find_drift(one, other)


def test_a_dump_that_is_loaded_gives_the_same_dump(project: str, server_18: DatabaseUrl) -> None:
    first, second = asyncio.run(dumped_twice(server_18, project))
    assert first == second
    assert first.count("\nCREATE TABLE ") > 3


async def dumped_twice(server: DatabaseUrl, project: str) -> tuple[str, str]:
    async with databases(server, 2) as (one, other):
        install(project, one)
        first = (await dump_schema(one)).text
        await execute(other, first)
        return first, (await dump_schema(other)).text


@pytest.mark.parametrize("seed", SEEDS)
def test_one_change_of_a_real_schema_is_named_alone_and_closed_both_ways(built: Built, seed: int) -> None:
    for mutation in some(built.inventory, FEW, seed):
        built.runner.run(check_change(built, mutation.statement, [mutation.told]))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10, 15))
def test_many_changes_of_real_schemas_are_named_alone_and_closed_both_ways(built: Built, seed: int) -> None:
    for mutation in some(built.inventory, MANY, seed):
        built.runner.run(check_change(built, mutation.statement, [mutation.told]))


def test_the_written_migration_closes_a_change_of_a_live_database(project: str, server_18: DatabaseUrl) -> None:
    asyncio.run(changed_and_closed(server_18, project))


async def changed_and_closed(server: DatabaseUrl, project: str) -> None:
    async with databases(server, 2) as (live, built):
        for url in (live, built):
            install(project, url)
        driver = await asyncpg.connect(live.reveal())
        inventory = await all_of(driver)
        await driver.close()
        (mutation,) = some(inventory, 1, seed=len(project))
        await execute(live, mutation.statement)
        drift = await find_drift(live, built, write=True)
        assert ([told(one) for one in drift.differences], drift.notes, drift.unclosed) == ([mutation.told], (), ())
        await execute(live, drift.migration)
        assert await find_drift(live, built) == Drift(())
