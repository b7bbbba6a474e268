"""The proof that seeds can be loaded again: all are loaded twice, and what the second run changes is told."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, Error, UsageError
from assay.ops.contents import TableContents, contents_of
from assay.ops.seed import Seeded, load
from assay.server.databases import drop_database
from assay.server.templates import clone_database


@dataclass(frozen=True, slots=True)
class Changed:
    """A table that is not the same after the second run, or a file that cannot be loaded twice."""

    file: Path
    """The one that changed it."""
    table: str | None
    """Qualified, quoted where SQL needs it; None when the file failed."""
    text: str
    """``public.pets has 4 rows after the second run, 2 after the first``."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What two runs came to."""

    first: tuple[Seeded, ...]
    second: tuple[Seeded, ...]
    """As many as could be loaded again."""
    changed: tuple[Changed, ...]


@asynccontextmanager
async def copy_of(template: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A copy of a database, for the length of a block.

    Raises InsufficientPrivilege when the role may not create databases, DatabaseError when the database stays in use.
    """
    name = f"assay_scratch_{secrets.token_hex(6)}"
    copy = await clone_database(template, template.database or "", name)
    try:
        yield copy
    finally:
        with suppress(DatabaseError):
            await asyncio.shield(drop_database(copy, force=True))


async def check_seeds(scratch: DatabaseUrl, files: Sequence[Path]) -> Checked:
    """Load seeds twice into a database that has the schema and no rows of theirs, and compare all its tables.

    Where sequences stand is not compared: ON CONFLICT DO NOTHING takes numbers without using them.

    Args:
        scratch: the database; it is changed.
        files: from ``seed_files``.

    Raises what ``load`` does when the first run fails.
    """
    first = tuple([seeded async for seeded in load(scratch, files)])
    after_first = state = await contents_of(scratch, content=True)
    second: list[Seeded] = []
    changes: list[tuple[Path, set[str]]] = []
    for file in files:
        try:
            second += [seeded async for seeded in load(scratch, [file])]
        except (DatabaseError, UsageError) as error:
            return Checked(first, tuple(second), (Changed(file, None, _failure(error)),))
        new = await contents_of(scratch, content=True)
        changes.append((file, _different(state, new)))
        state = new
    left = _different(after_first, state)
    changed = [
        Changed(file, table, _text(table, after_first.get(table), state.get(table)))
        for file, tables in changes
        for table in sorted(tables & left)
    ]
    return Checked(first, tuple(second), tuple(changed))


def _failure(error: Error) -> str:
    return f"it cannot be loaded a second time: {error.message}"


def _different(one: Mapping[str, TableContents], other: Mapping[str, TableContents]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _text(table: str, first: TableContents | None, second: TableContents | None) -> str:
    if first is None or second is None:
        return f"{table} is there after {'the first' if second is None else 'the second'} run only"
    if first.rows != second.rows:
        return f"{table} has {_rows(second.rows)} after the second run, {first.rows} after the first"
    return f"{table} has other values in its {_rows(first.rows)} after the second run"


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"
