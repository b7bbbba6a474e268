"""Which columns take less in one schema than in another."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import asyncpg

from assay.config import DatabaseUrl
from assay.proof.describe import describe
from assay.proof.description import Description, Stored, StoredAs
from assay.runtime.connecting import DriverConnection, open_connection

_COLUMNS = """
select n.nspname || '.' || c.relname || '.' || a.attname as name, a.attname as column,
    format_type(a.atttypid, a.atttypmod) as type, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as relation,
    (
        select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = a.atttypid
    ) as labels
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'f') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
"""

_TYPE = re.compile(r"(?P<base>[^(]*?)(?:\((?P<limits>[\d, -]+)\))?(?P<rest>(?: with(?:out)? time zone)?(?:\[\])*)")
_WIDER = {
    "smallint": ("integer", "bigint", "numeric", "real", "double precision"),
    "integer": ("bigint", "numeric", "double precision"),
    "bigint": ("numeric",),
    "real": ("double precision",),
    "character varying": ("text", "citext"),
    "character": ("text", "character varying"),
    "text": ("citext", "character varying"),
    "citext": ("text",),
    "json": ("jsonb",),
    "inet": (),
    "cidr": ("inet",),
}
"""Types, and others that take every value of them."""
_TEXTS = ("text", "character varying", "character", "citext")
_MOMENTS = ("timestamp", "time")


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """What a column takes."""

    type: str
    """As SQL writes it, with its limits: ``character varying(80)``."""
    labels: tuple[str, ...] = ()
    """Of an enum, or of a CHECK that lists them."""


async def stored_columns(url: DatabaseUrl, names: Collection[str]) -> Mapping[str, StoredColumn]:
    """What columns of a database take, by ``schema.table.column``; those that it does not have are left out."""
    connection = await open_connection(url)
    try:
        rows = await column_rows(connection, names)
        described = {text: await describe(connection, text) for text in sorted(set(map(whole, rows)))}
    finally:
        await connection.close()
    return columns_of(rows, described)


async def column_rows(connection: DriverConnection, names: Collection[str] | None = None) -> list[asyncpg.Record]:
    """What the catalog has of columns: all of them, unless names are given."""
    return [record for record in await connection.fetch(_COLUMNS) if names is None or record["name"] in names]


def whole(row: asyncpg.Record) -> str:
    """The statement whose description tells which values a CHECK lists for the columns of a row's relation."""
    return f"select * from {row['relation']}"  # noqa: S608 - a name, quoted


def columns_of(rows: Iterable[asyncpg.Record], described: Mapping[str, Description]) -> Mapping[str, StoredColumn]:
    """What columns take, by ``schema.table.column``.

    Args:
        rows: of the catalog.
        described: the relations that they belong to, by the statements of ``whole``; what is not described has no list.
    """
    listed = {(text, column.name): column.allowed for text, found in described.items() for column in found.columns}
    return {
        row["name"]: StoredColumn(row["type"], tuple(row["labels"] or listed.get((whole(row), row["column"])) or ()))
        for row in rows
    }


def shrunk(before: StoredColumn | None, after: StoredColumn | None) -> str:
    """In words, why a column refuses values that it took; empty when it takes them all, or is not there."""
    if before is None or after is None:
        return ""
    lost = [label for label in before.labels if label not in after.labels]
    if before.type == after.type or _lost(before, after):
        return f"does not take {', '.join(map(repr, lost))} any more" if lost else ""
    return "" if takes_all(before.type, after.type) else f"takes {after.type}, and took {before.type}"


def keeps(before: StoredColumn, after: StoredColumn, old: Sequence[Stored], new: Sequence[Stored]) -> bool:
    """Whether a statement may go on storing what it stores in a column, though the column takes less.

    Args:
        before: what the column took.
        after: what it takes.
        old: the values that the statement stores in it, as they were when the column was as before.
        new: the same values now.

    ``now()`` fits ``timestamptz`` better than the ``timestamp`` that the column was: it is not even converted any more.
    """
    return bool(old) and len(old) == len(new) and all(map(partial(_keeps, before, after), old, new))


def _keeps(before: StoredColumn, after: StoredColumn, old: Stored, new: Stored) -> bool:
    if len(old.parameters) != len(new.parameters) or not all(map(takes_all, old.parameters, new.parameters)):
        return False
    match new.how:
        case StoredAs.NULL | StoredAs.LABEL:
            return True
        case StoredAs.CONSTANT if new.text is not None:
            return _takes_text(before, after, new.text)
        case StoredAs.DEFAULT:
            return not _lost(before, after) and _are_moments(before.type, after.type)
    if _lost(before, after):
        return False
    if _are_moments(before.type, after.type):
        same = old.zones == new.zones or (len(set(new.zones)) == 1 and new.how is StoredAs.EXPRESSION)
        return same and new.type == _unlimited(after.type)
    if new.how is StoredAs.CONSTANT and new.type == after.type:
        return True  # the server has read it as one
    return takes_all(old.type, new.type) and takes_all(new.type, after.type)


def _takes_text(before: StoredColumn, after: StoredColumn, text: str) -> bool:
    found = _TYPE.fullmatch(after.type)
    if found is None or found["base"] not in _TEXTS or found["rest"]:
        return False
    return len(text) <= next(iter(_limits(found)), len(text)) and not (
        _lost(before, after) and text not in after.labels
    )


def _lost(before: StoredColumn, after: StoredColumn) -> list[str]:
    """The labels that a column took, where it takes only some."""
    return [label for label in before.labels if label not in after.labels] if after.labels else []


def _are_moments(before: str, after: str) -> bool:
    """Whether both are moments, or both are times of day, of which the later is no less precise."""
    old, new = _TYPE.fullmatch(before), _TYPE.fullmatch(after)
    if old is None or new is None or old["base"] != new["base"] or old["base"] not in _MOMENTS:
        return False
    return _within(_limits(old), _limits(new))


def _unlimited(kind: str) -> str:
    found = _TYPE.fullmatch(kind)
    return found["base"] + found["rest"] if found else kind


def takes_all(before: str, after: str) -> bool:
    """Whether a type, as SQL writes it, takes every value of another."""
    old, new = _TYPE.fullmatch(before), _TYPE.fullmatch(after)
    if old is None or new is None or old["rest"] != new["rest"]:
        return False
    if new["base"] != old["base"] and new["base"] not in _WIDER.get(old["base"], ()):
        return False
    return _within(_limits(old), _limits(new))


def _limits(found: re.Match[str]) -> tuple[int, ...]:
    return tuple(int(part) for part in found["limits"].split(",")) if found["limits"] else ()


def _within(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether every value within the old limits is within the new: lengths, or precision and scale."""
    if not new:
        return True
    if not old:
        return False
    (old_size, old_scale), (new_size, new_scale) = (*old, 0)[:2], (*new, 0)[:2]
    return new_scale >= old_scale and new_size - new_scale >= old_size - old_scale
