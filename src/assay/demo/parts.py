"""The parts in which every backend is shown: its database is built, its queries are proven, its story is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from assay.config import DatabaseUrl, load_settings
from assay.demo.lineup import Backend
from assay.demo.step import Shown, Step, expect
from assay.demo.workshop import demo_database
from assay.errors import Error
from assay.wording import counted

if TYPE_CHECKING:
    from assay.proof.project import Checked

Pause = Callable[[], None]
"""Called between parts; what it raises ends the demo, and everything is put away."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a database was built from."""

    migrations: int
    files: int
    rows: int
    """From so many files of seeds."""

    def __str__(self) -> str:
        applied, rows = counted(self.migrations, "migration"), counted(self.rows, "row")
        return f"{applied} applied, {rows} from {counted(self.files, 'seed file')}"


def build(folder: Path, url: DatabaseUrl) -> Built:
    """Migrate and seed the database of a backend."""
    built = asyncio.run(_build(folder, url))
    expect(built.rows > 0, f"the seeds of {folder.name} had no rows")
    return built


async def _build(folder: Path, url: DatabaseUrl) -> Built:
    from assay import migrate
    from assay.ops.seed import load, seed_files

    report = await migrate.run(url, folder / "migrations")
    there = len(migrate.load(folder / "migrations"))
    expect(len(report.steps) == there, f"{len(report.steps)} of {there} migrations were applied")
    seeded = [one async for one in load(url, seed_files(folder / "seeds"))]
    return Built(len(report.steps), len(seeded), sum(one.rows for one in seeded))


def check(folder: Path) -> Checked:
    """What ``assay check`` finds in a backend."""
    from assay.proof.project import check

    return check(load_settings(folder, {}))


def prove(backend: Backend, folder: Path) -> Checked:
    """Prove a backend's queries; raises Error, naming the first finding, unless all are proven."""
    checked = check(folder)
    report = checked.report
    for found in report.findings:
        raise Error(f"{backend.name}'s queries should all be proven, but {found.place}: {found.message}")
    expect(0 < report.proved == report.total, f"{report.proved} of {report.total} queries of {backend.name} are proven")
    return checked


def exchange_lines(exchanges: Sequence[Any]) -> tuple[str, ...]:
    """A line for each request of a story, in columns."""
    width = max(len(one.request) for one in exchanges)
    told = max(len(one.told) for one in exchanges)
    return tuple(
        f"{one.request:<{width}} {one.status}  {one.told:<{told}} {one.seconds * 1000:4.0f} ms" for one in exchanges
    )


def show(backend: Backend, folder: Path, server: DatabaseUrl, pause: Pause) -> tuple[Step, Shown]:
    """All parts of a backend in one step, on a database that is dropped again."""
    from assay.demo.service import visit

    began = perf_counter()
    with demo_database(server) as url:
        built = build(folder, url)
        pause()
        queries = prove(backend, folder).report.total
        pause()
        exchanges = asyncio.run(visit(folder, url)).exchanges
    seconds = perf_counter() - began
    done = f"{built.migrations} migrations, {built.rows} rows seeded, {queries} of {queries} queries proven"
    step = Step(backend.name, done, seconds, (backend.about, *exchange_lines(exchanges)))
    return step, Shown(backend.folder, built.migrations, built.rows, queries, len(exchanges), seconds)
