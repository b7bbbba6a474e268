"""Traffic while migrations are linted and applied: it waits for what lint calls blocking, and not for the safe twins.

A loaded machine stops traffic too. So the ordinary tests look at waits for locks alone, and the long ones, which hold the
longest of pgbench's transactions against the limit, look a second and a third time before they call a twin unsafe.
What throws data away (MIG107) or fails (MIG108) is not called blocking, and is not among them.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.traffic import Stop, stopped
from tests.integration.test_migrate_lint import BASE, TWINS

from assay.config import DatabaseUrl
from assay.migrate import load, run
from assay.schema.lint.judging import judged
from assay.schema.lint.pending import chosen_by_ledger
from assay.schema.lint.plan import plan_locks

FILL = """\
insert into device select i, 'm', 'n', 'c', now() from generate_series(1, {0}) i;
insert into capture select i, i, now() from generate_series(1, {0}) i;
insert into log_old select '2020-06-01' from generate_series(1, {0}) i;
insert into log_older select '2020-06-01' from generate_series(1, {0}) i;
"""
TRAFFIC = (
    "select model from device where id = 7",
    "update device set at = now() where id = 2000",
    "\\set id random(1, 50000)\nupdate capture set taken = taken where id = :id",
    "insert into log_old values ('2020-07-01')",
    "insert into log_older values ('2020-07-01')",
)
BLOCKING = ("MIG101", "MIG102", "MIG103", "MIG104", "MIG109")
"""What lint says lasts the longer, the larger a table is."""
BEHIND = {
    "a lock without limit, behind a long query": (
        "MIG106",
        "alter table device add x integer",
        "-- lock-timeout: 50ms\n-- lock-retries: 20\nalter table device add x integer",
    ),
    "a second table locked, behind a long query": (
        "MIG105",
        "-- lock-timeout: 5s\nalter table log_old add x integer;\nalter table device add x integer",
        (
            "-- no-transaction\n-- lock-timeout: 50ms\n-- lock-retries: 20\n"
            "alter table log_old add x integer;\nalter table device add x integer"
        ),
    ),
}
"""What lint says lasts as long as others use a table; a query uses device for a second."""
ALL = {kind: twins for kind, twins in TWINS.items() if twins[0] in BLOCKING} | BEHIND
SHORT = ("a type that is stored otherwise", "an index")
FEW, MANY = 100_000, 4_000_000
LONGEST = 0.1
"""Seconds; so long traffic may be stopped by what is called safe."""


@pytest.fixture(scope="module")
def few(server_18: DatabaseUrl) -> Iterator[DatabaseUrl]:
    yield from filled(server_18, FEW)


@pytest.fixture(scope="module")
def many(server_18: DatabaseUrl) -> Iterator[DatabaseUrl]:
    yield from filled(server_18, MANY)


def filled(server: DatabaseUrl, rows: int) -> Iterator[DatabaseUrl]:
    """A database with the base and rows in its tables, to be copied."""
    url = server.with_database(f"traffic_{secrets.token_hex(6)}")
    asyncio.run(on_server(server, f"create database {url.database}"))
    try:
        asyncio.run(fill(url, rows))
        yield url
    finally:
        asyncio.run(on_server(server, f"drop database {url.database} with (force)"))


async def fill(url: DatabaseUrl, rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "1_base.sql").write_text(BASE)
        await run(url, folder)
    await on_server(url, FILL.format(rows))
    await on_server(url, "vacuum (freeze, analyze)")


async def on_server(server: DatabaseUrl, statement: str) -> None:
    driver = await asyncpg.connect(server.reveal())
    try:
        await driver.execute(statement)
    finally:
        await driver.close()


@asynccontextmanager
async def copied(template: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A copy of a database."""
    url = template.with_database(f"traffic_{secrets.token_hex(6)}")
    server = template.with_database("postgres")
    await on_server(server, f"create database {url.database} template {template.database} strategy file_copy")
    try:
        await on_server(url, "checkpoint")
        yield url
    finally:
        await on_server(server, f"drop database {url.database} with (force)")


async def found_and_stopped(template: DatabaseUrl, folder: Path, kind: str, text: str) -> tuple[list[str], Stop]:
    """What lint finds in a migration, and how long traffic is stopped when it is applied."""
    (folder / "1_base.sql").write_text(BASE)
    (folder / "2_step.sql").write_text(text)
    async with copied(template) as url:
        migrations = load(folder)
        plan = await plan_locks(url, await chosen_by_ledger(url, migrations), url)
        codes = [each.found.rule.code for file in plan.files for each in judged(file, plan.sizes)]
        reader = asyncio.ensure_future(read_for_long(url)) if kind in BEHIND else None
        await asyncio.sleep(0.1 if reader else 0)
        stop = await stopped(url, folder, TRAFFIC, run(url, migrations))
        await (reader or asyncio.sleep(0))
    return codes, stop


async def read_for_long(url: DatabaseUrl) -> None:
    """A query of device in a transaction that takes a second and a half."""
    await on_server(url, "begin; select from device where id = 1; select pg_sleep(1.5); commit")


@pytest.mark.parametrize("kind", SHORT)
async def test_traffic_waits_for_what_is_called_blocking(few: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    codes, stop = await found_and_stopped(few, tmp_path, kind, ALL[kind][1])
    assert (codes, stop.waited > 0) == ([ALL[kind][0]], True), stop


@pytest.mark.parametrize("kind", SHORT)
async def test_traffic_goes_on_during_the_safe_twin(few: DatabaseUrl, tmp_path: Path, kind: str) -> None:
    codes, stop = await found_and_stopped(few, tmp_path, kind, ALL[kind][2])
    assert (codes, stop.waited < LONGEST) == ([], True), stop


@pytest.fixture(scope="module")
def table() -> Iterator[dict[str, list[str]]]:
    """What was measured, printed in the end."""
    lines: dict[str, list[str]] = {}
    yield lines
    print(f"\n\n{'milliseconds':>69}\n{'':46}lint      waits for a lock  longest transaction  before")
    for kind, told in lines.items():
        print("\n".join(f"{kind if number == 0 else '':44}{line}" for number, line in enumerate(told)))


def as_line(which: str, codes: list[str], stop: Stop) -> str:
    numbers = f"{stop.waited * 1000:13.0f} {stop.longest * 1000:20.0f} {stop.before * 1000:12.0f}"
    return f"{which}  {', '.join(codes) or 'silent':8}{numbers}"


@pytest.mark.soak
@pytest.mark.parametrize("kind", ALL)
async def test_traffic_stops_for_all_that_is_called_blocking(
    many: DatabaseUrl, tmp_path: Path, kind: str, table: dict[str, list[str]]
) -> None:
    codes, stop = await found_and_stopped(many, tmp_path, kind, ALL[kind][1])
    table.setdefault(kind, []).append(as_line("-", codes, stop))
    assert codes == [ALL[kind][0]]
    assert min(stop.waited, stop.longest) > LONGEST, stop


@pytest.mark.soak
@pytest.mark.parametrize("kind", ALL)
async def test_traffic_goes_on_during_every_safe_twin(
    many: DatabaseUrl, tmp_path: Path, kind: str, table: dict[str, list[str]]
) -> None:
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        codes, stop = await found_and_stopped(many, folder, kind, ALL[kind][2])
        table.setdefault(kind, []).append(as_line("+", codes, stop))
        assert codes == []
        if stop.longest < LONGEST:
            return
    pytest.fail(f"{stop}")
