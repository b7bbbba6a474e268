"""``assay schema lint``: all rules on one database, less the exceptions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assay.config import DatabaseUrl, Settings
from assay.errors import ProofError
from assay.proof.basis import find_schema, read_migrations
from assay.schema.advice import columns, constraints, indexes, rights
from assay.schema.advice.code import Held, Progress, held_values
from assay.schema.advice.drift import check_drift, enum_drift
from assay.schema.advice.exceptions import in_files, in_settings, sift
from assay.schema.advice.model import Facts
from assay.schema.advice.places import File, locate, read_statements
from assay.schema.advice.reading import read_facts
from assay.schema.advice.rules import HABITS, OF_CODE, ONLY_LIVE, RULES, Advice
from assay.wording import counted

_LOOKS: dict[tuple[str, ...], Callable[[Facts], Iterator[Advice]]] = {
    ("SCH101", "SCH102"): indexes.redundant_indexes,
    ("SCH103",): indexes.unindexed_foreign_keys,
    ("SCH105",): indexes.invalid_indexes,
    ("SCH201",): columns.tables_without_key,
    ("SCH202",): columns.zoneless_timestamps,
    ("SCH203",): columns.padded_columns,
    ("SCH204",): columns.serial_columns,
    ("SCH205",): columns.nullable_unique_keys,
    ("SCH206",): columns.quoted_names,
    ("SCH207",): columns.keys_running_out,
    ("SCH301",): constraints.unvalidated,
    ("SCH302",): constraints.duplicate_foreign_keys,
    ("SCH303",): constraints.unlike_foreign_keys,
    ("SCH401",): rights.public_grants,
    ("SCH402",): rights.open_definers,
    ("SCH403",): rights.lone_inserts,
    ("SCH404",): rights.idle_policies,
}
"""The rules that need nothing but the schema, by the codes that they find."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be looked at, and for what."""

    live: DatabaseUrl | None = None
    """A database as it is, instead of what the migrations build."""
    rules: frozenset[str] = frozenset(RULES) - HABITS
    unused_days: float = indexes.UNUSED_DAYS
    server: DatabaseUrl | None = None
    """Where the schema of the migrations is built; the embedded server unless given."""
    code: bool = True
    """Whether the project's queries are looked at for what holds enums and lists of values."""


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """What was found."""

    findings: tuple[Advice, ...]
    """In the order of the migrations; then those without a place, by their objects."""
    ignored: int
    tables: int
    indexes: int
    notes: tuple[str, ...]
    """What could not be looked at, in sentences."""
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay schema lint --output-format json``."""
        return {
            "findings": [found.to_json() for found in self.findings],
            "ignored": self.ignored,
            "tables": self.tables,
            "indexes": self.indexes,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
        }


def advise(settings: Settings, request: Request, progress: Progress | None = None) -> AdviceReport:
    """Look at the schema that the migrations build, or at a live database.

    Raises ServerError, MigrationError, ConnectionFailed and the like when there is no schema to be had.
    """
    start = time.perf_counter()
    facts, live = asyncio.run(_facts(settings, request))
    held, notes = _code(settings, request, progress)
    if live and "SCH104" in request.rules and facts.statistics is not None:
        notes += _too_young(facts.statistics.days, request.unused_days)
    files = _files(settings)
    found = _located([advice for advice in _all(facts, held, request) if advice.code in request.rules], files)
    exceptions = [*in_files(files), *in_settings(settings.schema_lint_ignore)]
    sifted = sift(found, exceptions, _settled(request, live=live, looked_at_code=request.code and not notes))
    kept = [each for each in sifted.findings if each.code in request.rules]
    count = sum(len(table.indexes) for table in facts.tables)
    seconds = time.perf_counter() - start
    return AdviceReport(_in_order(kept), sifted.ignored, len(facts.tables), count, tuple(notes), seconds)


async def _facts(settings: Settings, request: Request) -> tuple[Facts, bool]:
    """What there is, and whether the database is one that is in use."""
    if request.live is not None:
        return await read_facts(request.live, live=True), True
    schema = await find_schema(settings, request.server)
    live = not schema.migrations
    return await read_facts(schema.url, live=live), live


def _code(settings: Settings, request: Request, progress: Progress | None) -> tuple[tuple[Held, ...], list[str]]:
    if not request.code or not request.rules & OF_CODE:
        return (), []
    try:
        return held_values(settings, request.server, progress), []
    except ProofError as error:
        return (), [f"The code was not looked at: {error.message}"]


def _settled(request: Request, *, live: bool, looked_at_code: bool) -> frozenset[str]:
    """The rules of which an exception in the migrations that excuses nothing is idle, since it never will."""
    if live:
        return frozenset()
    return request.rules - ONLY_LIVE - (frozenset() if looked_at_code else OF_CODE)


def _too_young(days: float, needed: float) -> list[str]:
    if days >= needed:
        return []
    return [f"Unused indexes were not looked for: the statistics go back {days:.1f} days of {needed:g}"]


def _all(facts: Facts, held: tuple[Held, ...], request: Request) -> Iterator[Advice]:
    for codes, look in _LOOKS.items():
        if request.rules.intersection(codes):
            yield from look(facts)
    yield from indexes.unused_indexes(facts, request.unused_days)
    yield from enum_drift(facts, held)
    if request.live is None:
        yield from check_drift(facts, held)


def _files(settings: Settings) -> list[File]:
    found = []
    for migration in read_migrations(settings):
        path = migration.up.path
        shown = path.relative_to(settings.root) if path.is_relative_to(settings.root) else path
        found.append(File(shown.as_posix(), migration.up.sql))
    return found


def _located(found: Iterable[Advice], files: Sequence[File]) -> list[Advice]:
    statements = read_statements(files)
    return [replace(advice, place=advice.place or locate(advice.subject, statements)) for advice in found]


def _in_order(found: Iterable[Advice]) -> tuple[Advice, ...]:
    def key(advice: Advice) -> tuple[object, ...]:
        place = advice.place
        where = (0, place.path, place.line, place.column) if place else (1, "", 0, 0)
        return (*where, advice.code, advice.subject.label, advice.message)

    return tuple(sorted(found, key=key))


def closing_line(report: AdviceReport) -> str:
    """How much was looked at and found, and how long it took."""
    parts = [counted(len(report.findings), "finding")]
    parts += [f"{report.ignored} ignored"] if report.ignored else []
    looked = f"{counted(report.tables, 'table')} with {counted(report.indexes, 'index', 'indexes')}"
    return f"Looked at {looked}: {', '.join(parts)}, in {report.seconds:.2f} s"
