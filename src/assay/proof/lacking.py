"""Whether the schema has the table or the column that a name means."""

from __future__ import annotations

from collections.abc import Iterable

from assay.config import DatabaseUrl, Settings
from assay.proof.basis import find_schema
from assay.proof.impact import is_of, parse_name

_NAMES = """
select n.nspname::text, c.relname::text, a.attname::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_attribute a on a.attrelid = c.oid and not a.attisdropped
where c.relkind in ('r', 'p', 'f', 'v', 'm')
"""


async def lacking(name: str, settings: Settings, server: DatabaseUrl | None = None) -> str | None:
    """What the schema lacks of ``table``, ``table.column`` and so on, in words; None when it has it.

    Raises UsageError for what is no name, and what ``find_schema`` raises.
    """
    from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate

    wanted = parse_name(name)
    connection = await open_connection((await find_schema(settings, server)).url)
    try:
        rows = await connection.fetch(_NAMES)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
    return _lacking(wanted, {".".join(filter(None, row)) for row in rows} | {f"{row[0]}.{row[1]}" for row in rows})


def _lacking(wanted: tuple[str, ...], names: Iterable[str]) -> str | None:
    if any(is_of(each, wanted) for each in names):
        return None
    *table, column = wanted
    if table and any(is_of(each, tuple(table)) for each in names):
        return f"there is no column {column} in {'.'.join(table)}"
    is_schema = len(wanted) == 2 and any(each.startswith(f"{wanted[0]}.") for each in names)
    return f"there is no table {'.'.join(wanted if is_schema or not table else table)} in the schema"
