"""How long ``assay check`` takes: cold, with nothing changed and with one query changed, at growing sizes.

Each figure is the wall time of the whole command, the median of three runs, and beside it the processor's time that
the command took, without the server's: it says more on a machine that is busy. A cold run meets a schema that no run
before has seen, on a server that runs. The last line says how all three grow from the size before to the largest, to
be compared with how the number of queries does. The project is made of tables, migrations and queries like those of real
services: selects by key, joins, inserts, updates and aggregates, in modules of fifty functions.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl

SIZES = ((100, 10), (1_000, 100), (10_000, 100))
"""Queries and migrations."""

QUERIES = (
    ('    return await db.fetch_optional(T{t}, "select id, name, note, owner_id, made_at from t{t} where id = $1", key)', "T{t} | None"),
    ('    return await db.fetch_all(T{t}, "select id, name, note, owner_id, made_at from t{t} where owner_id = $1 order by id", key)', "list[T{t}]"),
    ('    return await db.fetch_all(P{t}, "select a.id, b.name as other from t{t} a left join t{u} b on b.id = a.owner_id where a.id > $1 and a.name <> \'{n}\'", key)', "list[P{t}]"),
    ('    return await db.fetch_one(int, "select count(*) from t{t} where name is not null and owner_id = $1 and {n} > 0", key)', "int"),
    ('    return await db.execute("update t{t} set note = \'{n}\', made_at = now() where id = $1", key)', "int"),
    ('    return await db.fetch_all(str, "with x as (select name from t{t} where owner_id = $1 union select name from t{u}) select name || \'{n}\' from x", key)', "list[str]"),
)  # fmt: skip


def write_project(folder: Path, queries: int, migrations: int) -> None:
    """A project with so many queries and migrations, a table a migration."""
    (folder / "migrations").mkdir(parents=True, exist_ok=True)
    (folder / "app").mkdir()
    (folder / "pyproject.toml").write_text("[tool.assay]\nsource = ['app']\n")
    (folder / "app" / "__init__.py").touch()
    for table in range(migrations):
        (folder / "migrations" / f"{table + 1}_table_{table}.sql").write_text(
            f"create table t{table} (id bigint generated always as identity primary key, name text not null,"
            f" note text, owner_id bigint not null, made_at timestamptz not null default now());\n"
            f"create index on t{table} (owner_id);\n"
        )
    for module in range(0, queries, 50):
        (folder / "app" / f"m{module}.py").write_text(_module(module, min(50, queries - module), migrations))


def _module(first: int, count: int, tables: int) -> str:
    table, other = first // 50 % tables, (first // 50 + 1) % tables
    lines = [
        "from dataclasses import dataclass\nfrom datetime import datetime\n\nimport assay\n\n",
        f"@dataclass(slots=True)\nclass T{table}:\n    id: int\n    name: str\n    note: str | None\n    owner_id: int\n    made_at: datetime\n\n",
        f"@dataclass(slots=True)\nclass P{table}:\n    id: int\n    other: str | None\n\n",
    ]
    for number in range(first, first + count):
        body, returned = QUERIES[number % len(QUERIES)]
        lines.append(f"async def q{number}(db: assay.Executor, key: int) -> {returned.format(t=table)}:")
        lines.append(body.format(t=table, u=other, n=number) + "\n\n")
    return "\n".join(lines)


def _run(folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "ASSAY_HOME": str(home)}
    command = [sys.executable, "-m", "assay", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of the command took, in seconds."""

    wall: float
    work: float
    """Of the processor."""


def timed(folder: Path, home: Path) -> Taken:
    """Run the command once."""
    busy, start = _work(), time.perf_counter()
    done = _run(folder, home, "check")
    taken = Taken(time.perf_counter() - start, _work() - busy)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return taken


def _work() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def touch_one(folder: Path, number: int) -> None:
    """Change one query."""
    path = folder / "app" / "m0.py"
    path.write_text(
        path.read_text().replace("note, owner_id, made_at from", f"note, owner_id, made_at /* {number} */ from", 1)
    )


async def main(_: DatabaseUrl) -> None:
    """Print the table."""
    print("| queries | migrations | cold | nothing changed | one changed |")
    print("| --- | --- | --- | --- | --- |")
    sizes: list[tuple[Taken, ...]] = []
    for queries, migrations in SIZES:
        folder = Path(tempfile.mkdtemp(prefix="assay-bench-"))
        try:
            sizes.append(tuple(_median(taken) for taken in _measure(folder, queries, migrations)))
            cells = (f"{taken.wall:.2f} s ({taken.work:.2f} s)" for taken in sizes[-1])
            print(f"| {queries:,} | {migrations} | {' | '.join(cells)} |", flush=True)
        finally:
            _run(folder, folder / "home", "server", "stop")
            shutil.rmtree(folder, ignore_errors=True)
    growth = (f"{after.work / before.work:.1f} x" for before, after in zip(*sizes[-2:], strict=True))
    print(f"| {SIZES[-1][0] / SIZES[-2][0]:.0f} x | | {' | '.join(growth)} |")


def _median(taken: list[Taken]) -> Taken:
    return Taken(statistics.median(one.wall for one in taken), statistics.median(one.work for one in taken))


def _measure(folder: Path, queries: int, migrations: int) -> tuple[list[Taken], list[Taken], list[Taken]]:
    project, home = folder / "project", folder / "home"
    cold: list[Taken] = []
    same: list[Taken] = []
    one: list[Taken] = []
    for run in range(3):
        shutil.rmtree(project, ignore_errors=True)
        write_project(project, queries, migrations)
        # A schema that no run before has seen.
        (project / "migrations" / f"{migrations + 1}_run.sql").write_text(f"-- {run}\nselect 1;\n")
        cold.append(timed(project, home))
        same.append(timed(project, home))
        touch_one(project, run)
        one.append(timed(project, home))
    return cold, same, one
