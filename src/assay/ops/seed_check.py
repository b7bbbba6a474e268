"""The proof that seeds can be loaded again: all are loaded twice, and what the second run changes is told."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, Error, UsageError
from assay.ops.contents import TableContents, contents_of
from assay.ops.seed import Seeded, load
from assay.ops.seed_repeats import passed_over
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.sql.splitting import split_statements
from assay.wording import counted

_CAN_BE_MET = r"""
select exists (
    select from pg_catalog.pg_index i
    where i.indrelid = pg_catalog.to_regclass($1) and (i.indisunique or i.indisexclusion) and not exists (
        select from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            and cardinality($2::text[]) > 0 and a.attname <> all ($2::text[])
            and (a.attidentity <> '' or pg_catalog.pg_get_expr(d.adbin, d.adrelid) ~ '(nextval|uuid\w*)\(')
    )
)
"""
"""Whether a new row could be in conflict; not by a key with a value of its own from a sequence or for a UUID."""


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
        Changed(file, table, _text(table, after_first.get(table), state.get(table)) + await _why(scratch, file, table))
        for file, tables in changes
        for table in sorted(tables & left)
    ]
    return Checked(first, tuple(second), tuple(changed))


async def _why(scratch: DatabaseUrl, file: Path, table: str) -> str:
    """The end of the sentence about a table whose new rows ON CONFLICT DO NOTHING can never pass over."""
    listed = await asyncio.to_thread(_listed, file, table)
    if not listed:
        return ""
    connection = await open_connection(scratch)
    try:
        met = [await connection.fetchval(_CAN_BE_MET, table, columns) for columns in listed]
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
    return "" if all(met) else f"; {table} has no unique key that the new rows could meet, so ON CONFLICT never applies"


def _listed(file: Path, table: str) -> list[list[str]]:
    """The columns that each INSERT of a file of SQL lists which adds to a table with ON CONFLICT DO NOTHING."""
    if file.suffix != ".sql":
        return []
    statements, plain = split_statements(file.read_text("utf-8-sig")), table.replace('"', "")
    return [sorted(columns) for name, columns in passed_over(statements) if f".{plain}".endswith(f".{name}")]


def _failure(error: Error) -> str:
    return f"it cannot be loaded a second time: {error.message}"


def _different(one: Mapping[str, TableContents], other: Mapping[str, TableContents]) -> set[str]:
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _text(table: str, first: TableContents | None, second: TableContents | None) -> str:
    if first is None or second is None:
        return f"{table} is there after {'the first' if second is None else 'the second'} run only"
    if first.rows != second.rows:
        return f"{table} has {counted(second.rows, 'row')} after the second run, {first.rows:,} after the first"
    return f"{table} has other values in its {counted(first.rows, 'row')} after the second run"
