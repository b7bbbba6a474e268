"""How long ``assay migrate run`` takes beside psql on the same files, and ``assay migrate info`` on many.

psql gets the files in one session: once as they stand, each statement a transaction of its own, and once as a migrator
has to do it, with a transaction around each file and its row in the ledger. Every contender is a whole command, from
its start to its end, on a database that is new; they take turns in random order. ``assay.migrate.run`` beside them is
the same run from inside an application, with the driver loaded.
"""

from __future__ import annotations

import asyncio
import gc
import random
import secrets
import shutil
import statistics
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from time import perf_counter

import asyncpg

from assay import migrate
from assay.config import DatabaseUrl
from assay.migrate.ledger import LedgerTable
from assay.server.client_programs import client_program, connection_variables

SIZES = {10: 9, 100: 9, 1_000: 9}
"""Files to run, and rounds."""
LISTED = (100, 1_000, 10_000)
"""Files to list."""

FILES = (
    """create table t{n} (
    id bigint generated always as identity primary key,
    name text not null,
    note text,
    owner_id bigint not null,
    made_at timestamptz not null default now()
);
create index on t{n} (owner_id);
""",
    """alter table t{t} add column c{n} text;
comment on column t{t}.c{n} is 'Column {n}';
""",
    """alter table t{t} add constraint short{n} check (length(name) < 100);
insert into t{t} (name, owner_id) values ('one', 1), ('two', 2);
""",
    """create view v{n} as select id, name, owner_id from t{t};
""",
)

Contender = Callable[[DatabaseUrl, Path], Awaitable[object]]


def write_files(folder: Path, count: int) -> None:
    """Migrations of which every fourth creates a table, and those after it alter and use it."""
    folder.mkdir()
    for n in range(count):
        (folder / f"{n + 1:05}_change_{n + 1}.sql").write_text(FILES[n % 4].format(n=n, t=n - n % 4))


async def _command(*arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    process = await asyncio.create_subprocess_exec(
        *arguments, env=env, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    if process.returncode:
        sys.exit(errors.decode()[-2000:])


async def _psql(url: DatabaseUrl, script: Path) -> None:
    psql = client_program("psql", 18)
    await _command(psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script, env=connection_variables(url))


def _as_they_stand(url: DatabaseUrl, folder: Path) -> Awaitable[None]:
    script = folder.parent / "as_they_stand.sql"
    script.write_text("".join(f"\\i {path}\n" for path in sorted(folder.iterdir())))
    return _psql(url, script)


def _with_a_ledger(url: DatabaseUrl, folder: Path) -> Awaitable[None]:
    script = folder.parent / "with_a_ledger.sql"
    ledger = LedgerTable("public")
    rows = [(migration.path, ledger.insertion(migration, 0)) for migration in migrate.load(folder)]
    files = "".join(f"begin;\n\\i {path}\n{row};\ncommit;\n" for path, row in rows)
    script.write_text(f"{ledger.creation()};\n{files}")
    return _psql(url, script)


def _assay(url: DatabaseUrl, folder: Path) -> Awaitable[None]:
    return _command(sys.executable, "-m", "assay", "migrate", "run", "--source", folder, "-D", url.reveal())


RUNNERS: dict[str, Contender] = {
    "psql": _as_they_stand,
    "psql, with a ledger": _with_a_ledger,
    "assay migrate run": _assay,
    "assay.migrate.run": migrate.run,
}


async def main(url: DatabaseUrl) -> None:
    """Print both tables."""
    admin = await asyncpg.connect(url.reveal())
    place = Path(tempfile.mkdtemp(prefix="assay-bench-"))
    try:
        await _show_runs(admin, url, place)
        await _show_lists(admin, url, place)
    finally:
        shutil.rmtree(place)
        await admin.close()


async def _show_runs(admin: asyncpg.Connection, url: DatabaseUrl, place: Path) -> None:
    print(f"| migrations | {' | '.join(RUNNERS)} |")
    print(f"| --- |{' --- |' * len(RUNNERS)}")
    for size, rounds in SIZES.items():
        write_files(place / str(size), size)
        taken = await _take_turns(admin, url, place / str(size), rounds)
        first = taken[next(iter(RUNNERS))]
        cells = [f"{statistics.median(times):.2f} s ({_ratio(times, first):.2f} x)" for times in taken.values()]
        print(f"| {size:,} | {' | '.join(cells)} |", flush=True)


async def _take_turns(admin: asyncpg.Connection, url: DatabaseUrl, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of every contender in every round, after one round that does not count."""
    taken: dict[str, list[float]] = {name: [] for name in RUNNERS}
    order = list(RUNNERS.items())
    for number in range(rounds + 1):
        random.shuffle(order)
        for name, contender in order:
            seconds = await _timed_on_a_new_database(admin, url, contender, folder)
            if number:
                taken[name].append(seconds)
    return taken


async def _timed_on_a_new_database(
    admin: asyncpg.Connection, url: DatabaseUrl, contender: Contender, folder: Path
) -> float:
    name = f"bench_{secrets.token_hex(4)}"
    await admin.execute(f"create database {name}")
    try:
        gc.collect()
        start = perf_counter()
        await contender(url.with_database(name), folder)
        return perf_counter() - start
    finally:
        await admin.execute(f"drop database {name} with (force)")


async def _show_lists(admin: asyncpg.Connection, url: DatabaseUrl, place: Path) -> None:
    print("\n| files | assay migrate info, all pending | all installed |")
    print("| --- | --- | --- |")
    name = f"bench_{secrets.token_hex(4)}"
    for size in LISTED:
        folder = place / f"listed_{size}"
        write_files(folder, size)
        await admin.execute(f"create database {name}")
        try:
            new = url.with_database(name)
            pending = await _list_times(new, folder)
            await migrate.skip(new, folder)
            installed = await _list_times(new, folder)
        finally:
            await admin.execute(f"drop database {name} with (force)")
        print(f"| {size:,} | {statistics.median(pending):.2f} s | {statistics.median(installed):.2f} s |", flush=True)


async def _list_times(url: DatabaseUrl, folder: Path, rounds: int = 9) -> list[float]:
    taken = []
    for _ in range(rounds):
        start = perf_counter()
        await _command(sys.executable, "-m", "assay", "migrate", "info", "--source", folder, "-D", url.reveal())
        taken.append(perf_counter() - start)
    return taken


def _ratio(own: list[float], first: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, first, strict=True))
