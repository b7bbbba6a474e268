"""How long backups and restores take beside pg_dump and pg_restore called by hand with the same options.

The database is pgbench's, of about ``ASSAY_BENCH_BACKUP_MB`` megabytes (1,000 unless set). Each figure is the median of
the rounds, in which both take turns, of the whole command: Assay's counts every table and hashes every file besides.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from assay.config import DatabaseUrl
from assay.server.client_programs import client_program, connection_variables
from assay.server.databases import create_database, drop_database
from benchmarks.measuring import Result, measure

MEGABYTES = int(os.environ.get("ASSAY_BENCH_BACKUP_MB", "1000"))
ROUNDS = int(os.environ.get("ASSAY_BENCH_BACKUP_ROUNDS", "3"))
BUDGET = 1.1
"""Of the time that the program by hand takes."""
_PER_SCALE = 15.0
"""Megabytes of a database of pgbench for each unit of its scale."""

KINDS = {
    "custom": (["--format=custom"], ["--format", "custom"], 1),
    "custom, not compressed": (["--format=custom", "--compress=none"], ["--compress", "none"], 1),
    "directory, two jobs": (["--format=directory", "--jobs=2"], ["--format", "directory", "--jobs", "2"], 2),
}


async def main(server: DatabaseUrl) -> None:
    """Print the table."""
    url, target = (server.with_database(f"assay_bench_backup{part}") for part in ("", "_restored"))
    folder = Path(tempfile.mkdtemp(prefix="assay-bench-backup-"))
    try:
        await drop_database(url, force=True)
        await create_database(url)
        _call(url, "pgbench", "--initialize", f"--scale={max(1, round(MEGABYTES / _PER_SCALE))}", "--quiet")
        print(f"| {MEGABYTES:,} MB | by hand | assay | ratio | budget {BUDGET} x |\n| --- | --- | --- | --- | --- |")
        for name, kind in KINDS.items():
            await _measured(name, kind, url, target, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for made in (url, target):
            await drop_database(made, force=True)


async def _measured(
    name: str, kind: tuple[list[str], list[str], int], url: DatabaseUrl, target: DatabaseUrl, folder: Path
) -> None:
    by_hand, ours, jobs = kind
    archive, store = folder / "by-hand", folder / "store"

    async def dump() -> None:
        _emptied(archive)
        await asyncio.to_thread(_call, url, "pg_dump", *by_hand, f"--file={archive}")

    async def create() -> None:
        _emptied(store)
        await asyncio.to_thread(_assay, url, "create", "--store", store, *ours)

    async def load() -> None:
        await drop_database(target, force=True)
        await create_database(target)
        options = ["--exit-on-error", f"--jobs={jobs}", f"--dbname={target.database}"]
        await asyncio.to_thread(_call, target, "pg_restore", *options, archive)

    async def restore() -> None:
        await drop_database(target, force=True)
        await asyncio.to_thread(_assay, target, "restore", "--store", store, "--jobs", str(jobs))

    _print(f"create, {name}", await _compared(dump, create))
    _print(f"restore, {name}", await _compared(load, restore))


async def _compared(first: Callable[[], Awaitable[None]], second: Callable[[], Awaitable[None]]) -> list[Result]:
    return await measure({"by hand": first, "assay": second}, rounds=ROUNDS, pieces=1)


def _print(what: str, results: list[Result]) -> None:
    by_hand, ours = results
    met = "met" if ours.ratio <= BUDGET else "not met"
    print(f"| {what} | {by_hand.median:.2f} s | {ours.median:.2f} s | {ours.ratio:.2f} x | {met} |", flush=True)


def _emptied(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _call(url: DatabaseUrl, name: str, *arguments: str | Path) -> None:
    environment = {**os.environ, **connection_variables(url)}
    command = [client_program(name, 18), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])


def _assay(url: DatabaseUrl, *arguments: str | Path) -> None:
    environment = {**os.environ, "DATABASE_URL": url.reveal()}
    command = [sys.executable, "-m", "assay", "backup", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-2000:])
