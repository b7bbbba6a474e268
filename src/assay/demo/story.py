"""The demo's steps, each of which does something and tells what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from assay.config import EMBEDDED_SERVER, DatabaseUrl, load_settings
from assay.demo.workshop import BACKEND, check_packages, demo_database, find_backends, load_module, workshop
from assay.errors import Error
from assay.proof.description import RowBound
from assay.runtime.connection import connect

if TYPE_CHECKING:
    from assay.proof.project import Checked
    from assay.proof.verdict import Verdict

SHOWN = "target_media_hash = $1"
"""In the query whose proof is shown: it joins, and finds by a unique key."""

MISTAKE = """
from dataclasses import dataclass
from datetime import datetime

import assay


@dataclass(slots=True)
class PhotoTime:
    model: str
    captured_at: datetime


async def photo_times(db: assay.Executor) -> list[PhotoTime]:
    return await db.fetch_all(
        PhotoTime,
        "select model, captured_at from devices d left join captures c on device_id = d.id",
    )
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that is done."""

    title: str
    done: str
    """What was done, in a line."""
    seconds: float
    lines: tuple[str, ...] = ()
    """More about it."""


def tell() -> Generator[Step, None, None]:
    """Run the demo, step by step; whatever it made is gone at the end, or when the generator is closed.

    Raises UsageError at once when a package is missing, and Error when anything does not come out as the demo says.
    """
    check_packages()
    return _steps()


def _steps() -> Generator[Step, None, None]:
    began = perf_counter()
    with workshop() as backend:
        server, step = _start_server()
        yield step
        with demo_database(server) as url:
            yield _build(backend, url)
            yield _prove(backend)
            yield _serve(backend, url)
            yield _blunder(backend, url)
    gone = "the service is stopped, the demo's database and folder are removed"
    lines = (f"what you saw is in {_near(find_backends() / BACKEND)}: begin with README.md and queries/captures.py",)
    yield Step("All gone", gone, perf_counter() - began, lines)


def _start_server() -> tuple[DatabaseUrl, Step]:
    from assay.server import Server

    began = perf_counter()
    server = Server.locate(EMBEDDED_SERVER)
    ran = server.status().running
    url = server.ensure_running()
    version = server.status().version
    done = f"PostgreSQL {version}, {'running already' if ran else 'started'}; Assay brings it along"
    lines = ("nothing to set up, no port is opened, and it stops by itself when nobody uses it",)
    return url, Step("A server", done, perf_counter() - began, lines)


def _build(backend: Path, url: DatabaseUrl) -> Step:
    began = perf_counter()
    migrations, files, rows = asyncio.run(_fill(backend, url))
    _expect(migrations == len(list((backend / "migrations").glob("*.sql"))), f"{migrations} migrations were applied")
    _expect(rows > 0, "the seeds had no rows")
    done = f"{migrations} migrations applied, {rows} rows from {files} seed files"
    lines = ("of RealityCam, where phones register photos and anyone asks whether one is known",)
    return Step("A database", done, perf_counter() - began, lines)


async def _fill(backend: Path, url: DatabaseUrl) -> tuple[int, int, int]:
    from assay import migrate
    from assay.ops.seed import load, seed_files

    report = await migrate.run(url, backend / "migrations")
    seeded = [one async for one in load(url, seed_files(backend / "seeds"))]
    return len(report.steps), len(seeded), sum(one.rows for one in seeded)


def _prove(backend: Path) -> Step:
    began = perf_counter()
    checked = _check(backend)
    report = checked.report
    total = report.total
    for found in report.findings:
        raise Error(f"RealityCam's queries should all be proven, but {found.place}: {found.message}")
    _expect(total > 0 and report.proved == total, f"{report.proved} of {total} queries were proven")
    done = f"{total} of {total} queries proven against the migrations' schema; none was run"
    shown = next(
        verdict for verdict in checked.verdicts if SHOWN in (verdict.sql or "") and "join" in (verdict.sql or "")
    )
    return Step("A proof", done, perf_counter() - began, tuple(_reasons(shown)))


def _check(backend: Path) -> Checked:
    from assay.proof.project import check

    return check(load_settings(backend, {}))


def _reasons(verdict: Verdict) -> Iterator[str]:
    description = verdict.description
    if description is None:
        raise Error("the query that the demo shows has no description")
    place = verdict.call.place
    never = [column for column in description.columns if not column.nullable]
    _expect(len(never) == len(description.columns), f"{len(never)} columns of the query shown are never NULL")
    _expect(description.rows is RowBound.OPTIONAL, f"the query shown returns {description.rows} rows")
    model = next(column for column in never if column.name == "model")
    yield f"such as the join at {place.path}:{place.line}: none of its {len(never)} columns is ever NULL"
    yield f"(model, say: {model.reason}), and it returns one row at most"


def _serve(backend: Path, url: DatabaseUrl) -> Step:
    began = perf_counter()
    address, exchanges, logged = asyncio.run(_visit(backend, url))
    done = f"RealityCam at {address}, a pool of 2 to 10 connections"
    lines = [f"{one.request:<24} {one.status}  {one.told:<48} {one.seconds * 1000:4.0f} ms" for one in exchanges]
    lines.append(f"and in the table verification_logs, for 127.0.0.1: {', '.join(logged)}")
    return Step("A photo", done, perf_counter() - began, tuple(lines))


async def _visit(backend: Path, url: DatabaseUrl) -> tuple[str, list[Any], list[str]]:
    import httpx

    from assay.demo.service import make_app, running

    async with (
        running(make_app(backend, url)) as address,
        httpx.AsyncClient(base_url=address, trust_env=False) as client,
    ):
        exchanges = await load_module(backend, "story").story(client)
    async with await connect(url) as connection:
        logged = await connection.fetch_all(
            str, "select action from verification_logs where client_ip = '127.0.0.1' order by created_at"
        )
    _expect(logged == ["matched", "unknown"], f"the log of verifications has {logged}")
    return address, exchanges, logged


def _blunder(backend: Path, url: DatabaseUrl) -> Step:
    from assay.proof.report import finding_lines

    began = perf_counter()
    file = backend / "queries" / "timeline.py"
    file.write_text(MISTAKE, encoding="utf-8")
    report = _check(backend).report
    _expect(report.fails() and len(report.findings) == 1, f"the check had {len(report.findings)} findings")
    (found,) = report.findings
    _expect((found.rule.code, found.place.path) == ("ASY203", "queries/timeline.py"), f"it found {found}")
    rows, empty = asyncio.run(_run_unproven(backend, url))
    _expect(0 < empty < rows, f"{empty} of {rows} rows had None")
    lines = (
        *(f"  {line.strip(' ,')}" for line in MISTAKE.splitlines() if line.strip().startswith('"')),
        "it is valid SQL, and type checkers are content; assay check is not, and exits with 1:",
        *(f"  {line}" for line in finding_lines(found)),
        f"run all the same: {empty} of its {rows} rows came with None where the code says datetime",
    )
    return Step("A mistake", "somebody adds a query: the times of every phone's photos", perf_counter() - began, lines)


async def _run_unproven(backend: Path, url: DatabaseUrl) -> tuple[int, int]:
    module = load_module(backend, "queries.timeline")
    async with await connect(url) as connection:
        rows = await module.photo_times(connection)
    return len(rows), sum(row.captured_at is None for row in rows)


def _near(path: Path) -> Path:
    """The path as a person would write it from here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _expect(right: bool, what: str) -> None:
    if not right:
        raise Error(f"The demo did not come out as it should: {what}")
