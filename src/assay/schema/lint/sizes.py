"""How large the tables of a live system are, from its statistics alone."""

from __future__ import annotations

from collections.abc import Iterable

from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, open_connection, translate
from assay.schema.lint.model import Size

_SIZES = """
select t.name, sum(pg_catalog.pg_total_relation_size(c.oid))::pg_catalog.int8 as bytes,
    case when bool_or(c.reltuples < 0 and pg_catalog.pg_relation_size(c.oid) > 0) then null
        else sum(greatest(c.reltuples, 0))::pg_catalog.int8 end as rows
from unnest($1::pg_catalog.text[]) t(name)
cross join lateral (
    select pg_catalog.to_regclass(t.name)::pg_catalog.oid as oid
    union select relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass(t.name))
) member
join pg_catalog.pg_class c on c.oid = member.oid and c.relkind in ('r', 'm')
group by t.name
"""
"""A partitioned table is as large as its partitions together. No table is read, and none is locked against others."""


async def sizes(url: DatabaseUrl, tables: Iterable[str]) -> dict[str, Size]:
    """The sizes of those tables that the database has.

    Raises ConnectionFailed, AuthenticationFailed, UndefinedDatabase and what else the server says.
    """
    connection = await open_connection(url)
    try:
        records = await connection.fetch(_SIZES, sorted(set(tables)))
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    finally:
        await connection.close()
    return {record["name"]: Size(record["rows"], record["bytes"]) for record in records}
