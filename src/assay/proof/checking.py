"""A project checked as the commands do it: from the report that is kept, else in a process of its own."""

from __future__ import annotations

import asyncio
import gc
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from assay.config import DatabaseUrl, Settings
from assay.errors import DatabaseError
from assay.proof.report import Report
from assay.proof.reportcache import ReportCache

if TYPE_CHECKING:
    from assay.migrate import Migration
    from assay.proof.described import Proven
    from assay.proof.discover.model import Discovery
    from assay.proof.findings import Finding
    from assay.proof.fix.changes import FileEdit
    from assay.proof.guard import Guard
    from assay.proof.impact import Impact
    from assay.proof.inputs import Beginning
    from assay.proof.project import Checked, Preparation

Progress = Callable[[int, int], None]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Mending:
    """What ``assay check --fix`` does about a report."""

    report: Report
    """Of the code as it is."""
    changes: tuple[tuple[str, str], ...]
    """Of each change, the file and what it is for."""
    edits: tuple[FileEdit, ...]
    fixable: int
    """How many findings it mends."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    report: Report
    files: frozenset[str]
    """What the answer depends on beside the files that were checked."""
    folders: frozenset[str]
    lasting: bool
    """Whether there is nothing else that it depends on."""


def checked(settings: Settings, server: DatabaseUrl | None = None, progress: Progress | None = None) -> Report:
    """The report of a project, kept or made.

    Args:
        settings: of the project.
        server: as for :func:`assay.proof.project.check`; what is said about it is never kept.
        progress: is told how many statements are described, of how many.

    Raises ProofError with the words of whatever keeps the project from being checked.
    """
    start = time.perf_counter()
    cache = ReportCache.of(settings) if server is None else None
    kept = cache.read() if cache is not None else None
    if kept is not None:
        return replace(kept, seconds=time.perf_counter() - start)
    beginning = _beginning(cache)
    discovery = _discovery(settings)
    outcome = _apart(partial(_check, settings, server, discovery, beginning is not None), settings, progress)
    if cache is not None and beginning is not None and outcome.lasting:
        cache.write(outcome.report, beginning, outcome.files, outcome.folders)
    return replace(outcome.report, seconds=time.perf_counter() - start)


def proven(settings: Settings, server: DatabaseUrl | None = None, progress: Progress | None = None) -> Proven:
    """The report of a project and what is known of its calls, made anew and not kept; raises as ``checked`` does."""
    return _apart(partial(_prove, settings, server, _discovery(settings)), settings, progress)


def brought_by_each(
    settings: Settings, steps: Sequence[Sequence[Migration]], server: DatabaseUrl
) -> list[tuple[Finding, ...]]:
    """What goes wrong in the code of a project when migrations are applied, step by step, that did not before.

    Args:
        settings: of the project, whose code is proven.
        steps: the migrations of each step; the first is where things stand, and brings nothing.
        server: where a database is made, which is dropped again.

    Raises as ``checked`` does.
    """
    from assay.server.databases import drop_database

    scratch = server.with_database(f"assay_scratch_{secrets.token_hex(6)}")
    try:
        return _apart(partial(_step, settings, scratch, steps, _discovery(settings)), settings, None)
    finally:
        with suppress(DatabaseError):
            asyncio.run(drop_database(scratch, force=True))


def mended(settings: Settings, server: DatabaseUrl | None = None, progress: Progress | None = None) -> Mending:
    """What is to be changed in the code of a project; nothing is written, and nothing kept is asked.

    Raises as ``checked`` does, and ProofError for a file that is not as it was when it was checked.
    """
    return _apart(partial(_mend, settings, server, _discovery(settings)), settings, progress)


def impact_on(
    name: str, settings: Settings, server: DatabaseUrl | None = None, progress: Progress | None = None
) -> Impact:
    """Which queries of a project use a table or column, and, when none does, whether the schema has it.

    Offline there is no schema to ask. Raises as ``checked`` does.
    """
    from assay.proof.lacking import lacking

    found = _apart(partial(_impact, name, settings, server, _discovery(settings)), settings, progress)
    if found.uses or settings.offline:
        return found
    lacks = asyncio.run(lacking(name, settings, server))
    return replace(found, lacking=lacks, close=found.close if lacks else None)


def prepared(settings: Settings, server: DatabaseUrl | None = None, *, write: bool = True) -> Preparation:
    """The offline cache brought up to date, as :func:`assay.proof.project.prepare` does it."""
    return _apart(partial(_prepare, settings, server, write), settings, None)


def _beginning(cache: ReportCache | None) -> Beginning | None:
    with suppress(OSError):
        return cache.begin() if cache is not None else None
    return None


@contextmanager
def _collecting_nothing() -> Iterator[None]:
    """Without the collector of cycles, which would look again and again through trees that live to the end."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _discovery(settings: Settings) -> Discovery:
    from assay.proof.project import discover_in

    with _collecting_nothing():
        return discover_in(settings)


def _apart(work: Callable[[Guard, Progress], _T], settings: Settings, progress: Progress | None) -> _T:
    from assay.proof.apart import apart

    with _collecting_nothing():
        return apart(work, settings.import_timeout, progress)


def _check(
    settings: Settings,
    server: DatabaseUrl | None,
    discovery: Discovery,
    recording: bool,
    guard: Guard,
    progress: Progress,
) -> _Outcome:
    from assay.proof.project import check
    from assay.proof.recorder import Recorder

    recorder = Recorder(lambda: guard.active)
    if recording:
        recorder.begin()
    found = check(settings, server, progress=progress, discovery=discovery, guard=guard)
    files = recorder.read() | {str(path) for path in discovery.project.looked_at} if recording else set[str]()
    lasting = found.lasting and not recorder.unknowable
    return _Outcome(_plain(found), frozenset(files), frozenset(recorder.folders), lasting)


def _prove(
    settings: Settings, server: DatabaseUrl | None, discovery: Discovery, guard: Guard, progress: Progress
) -> Proven:
    from assay.proof.described import Proven, described_calls
    from assay.proof.project import check

    found = check(settings, server, progress=progress, discovery=discovery, guard=guard)
    return Proven(_plain(found), described_calls(found.verdicts))


def _step(
    settings: Settings,
    scratch: DatabaseUrl,
    steps: Sequence[Sequence[Migration]],
    discovery: Discovery,
    guard: Guard,
    progress: Progress,
) -> list[tuple[Finding, ...]]:
    from assay.proof.stepping import brought_by_steps

    found = brought_by_steps(settings, scratch, steps, discovery, guard)
    return [tuple(replace(each, subject=None) for each in brought) for brought in found]


def _mend(
    settings: Settings, server: DatabaseUrl | None, discovery: Discovery, guard: Guard, progress: Progress
) -> Mending:
    from assay.proof.fix.files import edit_files
    from assay.proof.project import check

    found = check(settings, server, progress=progress, discovery=discovery, guard=guard)
    changes = tuple((change.place.path, change.what) for change in found.fixes.changes)
    return Mending(_plain(found), changes, tuple(edit_files(found.fixes.changes)), len(found.fixes.fixable))


def _impact(
    name: str,
    settings: Settings,
    server: DatabaseUrl | None,
    discovery: Discovery,
    guard: Guard,
    progress: Progress,
) -> Impact:
    from assay.proof.impact import impact
    from assay.proof.project import check

    return impact(name, check(settings, server, progress=progress, discovery=discovery, guard=guard).verdicts)


def _prepare(
    settings: Settings, server: DatabaseUrl | None, write: bool, guard: Guard, progress: Progress
) -> Preparation:
    from assay.proof.project import prepare

    found = prepare(settings, server, write=write, guard=guard)
    return replace(found, findings=tuple(replace(each, subject=None) for each in found.findings))


def _plain(found: Checked) -> Report:
    """The report without the classes that it is about, which cannot leave the process."""
    return replace(found.report, findings=tuple(replace(each, subject=None) for each in found.report.findings))
