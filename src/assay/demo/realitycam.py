"""RealityCam at length: what is in a proof, what a request leaves in the database, and how a mistake is caught."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from assay.config import DatabaseUrl
from assay.demo.lineup import FIRST
from assay.demo.parts import build, check, exchange_lines, prove
from assay.demo.step import Shown, Step, expect
from assay.demo.workshop import demo_database, load_module
from assay.errors import Error
from assay.proof.description import RowBound
from assay.runtime.connection import connect

if TYPE_CHECKING:
    from assay.demo.service import Visited
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


def steps(folder: Path, server: DatabaseUrl) -> Generator[Step, None, Shown]:
    """A database, a proof, a photo and a mistake; its value is what was shown, less the mistake."""
    began = perf_counter()
    with demo_database(server) as url:
        built = build(folder, url)
        about = f"of {FIRST.name}, where {FIRST.about}"
        yield Step("A database", str(built), perf_counter() - began, (about,))
        proven, queries = _prove(folder)
        yield proven
        visited, requests = _serve(folder, url)
        yield visited
        seconds = perf_counter() - began
        yield _blunder(folder, url)
    return Shown(FIRST.folder, built.migrations, built.rows, queries, requests, seconds)


def _prove(folder: Path) -> tuple[Step, int]:
    began = perf_counter()
    checked = prove(FIRST, folder)
    total = checked.report.total
    done = f"{total} of {total} queries proven against the migrations' schema; none was run"
    shown = next(
        verdict for verdict in checked.verdicts if SHOWN in (verdict.sql or "") and "join" in (verdict.sql or "")
    )
    return Step("A proof", done, perf_counter() - began, tuple(_reasons(shown))), total


def _reasons(verdict: Verdict) -> Iterator[str]:
    description = verdict.description
    if description is None:
        raise Error("the query that the demo shows has no description")
    place = verdict.call.place
    never = [column for column in description.columns if not column.nullable]
    expect(len(never) == len(description.columns), f"{len(never)} columns of the query shown are never NULL")
    expect(description.rows is RowBound.OPTIONAL, f"the query shown returns {description.rows} rows")
    model = next(column for column in never if column.name == "model")
    yield f"such as the join at {place.path}:{place.line}: none of its {len(never)} columns is ever NULL"
    yield f"(model, say: {model.reason}), and it returns one row at most"


def _serve(folder: Path, url: DatabaseUrl) -> tuple[Step, int]:
    began = perf_counter()
    visited, logged = asyncio.run(_visit(folder, url))
    done = f"{FIRST.name} at {visited.address}, a pool of 2 to 10 connections"
    told = f"and in the table verification_logs, for 127.0.0.1: {', '.join(logged)}"
    lines = (*exchange_lines(visited.exchanges), told)
    return Step("A photo", done, perf_counter() - began, lines), len(visited.exchanges)


async def _visit(folder: Path, url: DatabaseUrl) -> tuple[Visited, list[str]]:
    from assay.demo.service import visit

    visited = await visit(folder, url)
    async with await connect(url) as connection:
        logged = await connection.fetch_all(
            str, "select action from verification_logs where client_ip = '127.0.0.1' order by created_at"
        )
    expect(logged == ["matched", "unknown"], f"the log of verifications has {logged}")
    return visited, logged


def _blunder(folder: Path, url: DatabaseUrl) -> Step:
    from assay.proof.report import finding_lines

    began = perf_counter()
    file = folder / "queries" / "timeline.py"
    file.write_text(MISTAKE, encoding="utf-8")
    report = check(folder).report
    expect(report.fails() and len(report.findings) == 1, f"the check had {len(report.findings)} findings")
    (found,) = report.findings
    expect((found.rule.code, found.place.path) == ("ASY203", "queries/timeline.py"), f"it found {found}")
    rows, empty = asyncio.run(_run_unproven(folder, url))
    expect(0 < empty < rows, f"{empty} of {rows} rows had None")
    lines = (
        *(f"  {line.strip(' ,')}" for line in MISTAKE.splitlines() if line.strip().startswith('"')),
        "it is valid SQL, and type checkers are content; assay check is not, and exits with 1:",
        *(f"  {line}" for line in finding_lines(found)),
        f"run all the same: {empty} of its {rows} rows came with None where the code says datetime",
    )
    return Step("A mistake", "somebody adds a query: the times of every phone's photos", perf_counter() - began, lines)


async def _run_unproven(folder: Path, url: DatabaseUrl) -> tuple[int, int]:
    module = load_module(folder, "queries.timeline")
    async with await connect(url) as connection:
        rows = await module.photo_times(connection)
    return len(rows), sum(row.captured_at is None for row in rows)
