"""Whether down files lead back to where their migrations came from, tried on a scratch database."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from assay.config import DatabaseUrl
from assay.errors import MigrationError
from assay.migrate import Migration, revert, run
from assay.migrate.model import Direction
from assay.migrate.places import Place
from assay.migrate.scripts import make_ready
from assay.proof.findings import Finding
from assay.schema.dump import Contents, dump_schema, written_out
from assay.schema.lint.pending import Chosen, scratch_with
from assay.schema.lint.rules import finding
from assay.wording import counted

_CONTENTS = Contents(privileges=True)
_SHOWN = 5
"""So many lines of a difference are told of each kind."""


def missing_downs(chosen: Chosen) -> list[tuple[Migration, Finding]]:
    """The pending migrations without a down file; warnings where no migration of the folder has one."""
    with_down = any(migration.down for migration in (*chosen.applied, *chosen.pending))
    return [
        (
            migration,
            finding(
                "MIG201",
                Place.of(migration.up, 0),
                f"migration {migration.version} has no down file, so it cannot be reverted",
                severity="error" if with_down else "warning",
            ),
        )
        for migration in chosen.pending
        if migration.down is None
    ]


async def wrong_downs(server: DatabaseUrl, chosen: Chosen) -> AsyncIterator[tuple[Migration, Finding]]:
    """Each pending migration applied and reverted, and the schema compared with the one before.

    Columns may come back in another order, since PostgreSQL adds a column at the end. Rows are not compared.

    Raises what ``assay.migrate.run`` and ``dump_schema`` raise.
    """
    done, pending = list(chosen.applied), list(chosen.pending)
    while any(migration.down is not None for migration in pending):
        async with scratch_with(server, done) as scratch:
            found = await _until_one_is_wrong(server, scratch, done, pending)
        if found is not None:
            yield found


async def _until_one_is_wrong(
    server: DatabaseUrl, scratch: DatabaseUrl, done: list[Migration], pending: list[Migration]
) -> tuple[Migration, Finding] | None:
    """Take up pending migrations until a down file is wrong, for what it leaves is in the way of the next."""
    while pending:
        migration = pending.pop(0)
        message, because = await _tried(server, scratch, done, migration) if migration.down is not None else ("", ())
        done.append(migration)
        if message:
            return migration, finding("MIG202", _first_place(migration), message, because=because)
        await run(scratch, done)
    return None


async def _tried(
    server: DatabaseUrl, scratch: DatabaseUrl, done: Sequence[Migration], migration: Migration
) -> tuple[str, tuple[str, ...]]:
    """What is wrong with the down file, and why; an empty text when nothing is."""
    before = await written_out(scratch, _CONTENTS)
    both = (*done, migration)
    await run(scratch, both)
    try:
        await revert(scratch, both)
    except MigrationError as error:
        return "the down file fails", tuple(str(error).splitlines()[:1])
    reasons = _differences(before, await written_out(scratch, _CONTENTS))
    if reasons:  # expressions may only be written otherwise, which loading both shows
        async with scratch_with(server, done) as other:
            before = (await dump_schema(other, _CONTENTS)).text
        reasons = _differences(before, (await dump_schema(scratch, _CONTENTS)).text)
    return (
        f"after up and down of migration {migration.version} the schema is not what it was" if reasons else ""
    ), reasons


def _differences(before: str, after: str) -> tuple[str, ...]:
    was, now = _lines(before), _lines(after)
    return (*_shown("gone", was - now), *_shown("new", now - was))


def _lines(dump: str) -> Counter[str]:
    return Counter(line.strip().rstrip(",") for line in dump.splitlines())


def _shown(what: str, lines: Counter[str]) -> Iterator[str]:
    """Some lines of a dump in one sentence, if there are any; those that begin a statement are the first."""
    told = sorted((line for line in lines.elements() if line.strip("();")), key=lambda line: not line[:2].isupper())
    if told:
        left = len(told) - _SHOWN
        more = f", and {counted(left, 'line')} more" if left > 0 else ""
        yield f"{what}: {', '.join(told[:_SHOWN])}{more}"


def _first_place(migration: Migration) -> Place:
    ready = make_ready(migration, Direction.DOWN)
    return ready.place(ready.statements[0]) if ready.statements else Place.of(ready.script, 0)
