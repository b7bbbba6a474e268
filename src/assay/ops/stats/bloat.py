"""Room in tables and indexes that holds nothing: estimated, or measured by pgstattuple where it is installed.

The estimate compares the size of the file with the size that its rows would have if they were written one after the
other. A row takes a pointer of 4 bytes, a header of 23, a bit a column where some are NULL, all filled up to 8, and
its columns, each filled up to what its type is aligned to (manual section 66.6, "Database Page Layout"); an entry of a
B-tree takes a pointer of 4, a header of 8 and its columns, filled up to 8, on pages that keep 16 bytes for themselves
(nbtree.h). Widths and the share of NULLs are those of ANALYZE (pg_stats), the number of rows that of pg_class, and the
fillfactor is kept free on purpose. Equal keys of a B-tree are stored once (manual section 65.1.4.3), and the number of
different values tells how often. So it is off by some tenths for small tables, and for rows that differ much in width.
"""

from __future__ import annotations

from time import monotonic

import asyncpg

from assay.ops.stats.model import Field, Section
from assay.ops.stats.session import Session

SMALLEST = 1024 * 1024
"""Bytes; in smaller files there is nothing to win."""
BLOAT = (
    Field("name", "table or index", long=True),
    Field("kind", "kind"),
    Field("bytes", "size", "bytes"),
    Field("wasted_bytes", "holds nothing", "bytes"),
    Field("wasted_ratio", "share", "ratio"),
    Field("dead_rows", "dead rows", "count"),
    Field("method", "found by"),
)
_LOCKED = """
select distinct l.relation from pg_locks l where l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid()
and l.database = (select d.oid from pg_database d where d.datname = current_database())
"""
_LARGE = f"""
large as (
    select c.oid, c.relkind, n.nspname, c.relname, c.reltuples, pg_relation_size(c.oid) as bytes,
        current_setting('block_size')::int8 as block,
        coalesce((select o.option_value::float8 from pg_options_to_table(c.reloptions) o
            where o.option_name = 'fillfactor'), case c.relkind when 'i' then 90 else 100 end) / 100 as fill
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_am m on m.oid = c.relam
    where c.relkind in ('r', 'm', 'i') and m.amname in ('heap', 'btree') and c.reltuples > 0
    and c.relpages::int8 * current_setting('block_size')::int8 >= {SMALLEST}
    and c.oid not in ({_LOCKED})
    and n.nspname !~ '^pg_(catalog|toast|temp)' and n.nspname <> 'information_schema')"""  # noqa: S608 - own texts
_ALIGNED = """
sum(case t.typalign when 'c' then w.width when 's' then ceil(w.width / 2) * 2 when 'i' then ceil(w.width / 4) * 4
    else ceil(w.width / 8) * 8 end * w.present)
"""
_ESTIMATE = f"""
with {_LARGE},
heaps as (
    select l.oid, l.bytes, l.block, l.fill, l.reltuples,
        {_ALIGNED} as data, bool_or(w.present < 1) as has_nulls, count(*) as columns,
        count(*) filter (where w.width is null) as unknown
    from large l join pg_attribute a on a.attrelid = l.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_stats s on s.schemaname = l.nspname and s.tablename = l.relname and s.attname = a.attname
        and not s.inherited
    cross join lateral (select
        case when a.attlen > 0 then a.attlen::float8 else s.avg_width::float8 end as width,
        1 - coalesce(s.null_frac, 0)::float8 as present) w
    where l.relkind in ('r', 'm') group by 1, 2, 3, 4, 5),
entries as (
    select l.oid, l.bytes, l.block, l.fill, l.reltuples, i.indrelid, {_ALIGNED} as data, count(*) as columns,
        count(*) filter (where w.width is null) as unknown,
        bool_or(i.indisunique) as is_unique, max(w.different) as different
    from large l join pg_index i on i.indexrelid = l.oid
    join pg_attribute a on a.attrelid = l.oid and a.attnum > 0
    join pg_type t on t.oid = a.atttypid
    join pg_class r on r.oid = i.indrelid join pg_namespace rn on rn.oid = r.relnamespace
    left join pg_attribute b on b.attrelid = i.indrelid and b.attnum = i.indkey[a.attnum - 1] and b.attnum > 0
    left join pg_stats s on not s.inherited and (
        (b.attnum is not null and s.schemaname = rn.nspname and s.tablename = r.relname and s.attname = b.attname)
        or (b.attnum is null and s.schemaname = l.nspname and s.tablename = l.relname and s.attname = a.attname))
    cross join lateral (select
        case when a.attlen > 0 then a.attlen::float8 else s.avg_width::float8 end as width,
        1 - coalesce(s.null_frac, 0)::float8 as present,
        case when s.n_distinct > 0 then s.n_distinct::float8
            when s.n_distinct < 0 then -s.n_distinct * r.reltuples else r.reltuples end as different) w
    where l.relkind = 'i' group by 1, 2, 3, 4, 5, 6),
sizes as (
    select h.oid, h.bytes, h.unknown, ceil(h.reltuples / greatest(1, floor((h.block - 24) * h.fill
        / (4 + ceil((23 + case when h.has_nulls then ceil(h.columns / 8.0) else 0 end) / 8) * 8
            + ceil(h.data / 8) * 8)))) * h.block as needed
    from heaps h
    union all
    select e.oid, e.bytes, e.unknown, ceil((
            -- A key that stands there once takes an entry, each further row of it 6 bytes.
            least(e.reltuples, e.different) * (4 + 8 + ceil(e.data / 8) * 8)
            + greatest(e.reltuples - e.different, 0) * 6) / ((e.block - 24 - 16) * e.fill)) * e.block + e.block
    from entries e)
select format('%I.%I', l.nspname, l.relname) as name, case l.relkind when 'i' then 'index' else 'table' end as kind,
    s.bytes::int8 as bytes, case when s.unknown = 0 then greatest(s.bytes - s.needed, 0)::int8 end as wasted,
    d.n_dead_tup as dead, l.oid::int8 as oid
from sizes s join large l on l.oid = s.oid left join pg_stat_all_tables d on d.relid = l.oid
order by 4 desc nulls last, 3 desc, 1 limit $1
"""  # noqa: S608 - made of texts of this module
_MEASURE = {
    "table": "select (dead_tuple_len + approx_free_space)::int8 as wasted, dead_tuple_count as dead"
    " from {schema}.pgstattuple_approx($1::int8::oid::regclass)",
    "index": "select (index_size * (1 - greatest(avg_leaf_density, 0) / greatest(coalesce((select"
    " o.option_value::float8 from pg_class c, pg_options_to_table(c.reloptions) o where c.oid = $1::int8::oid"
    " and o.option_name = 'fillfactor'), 90), 1)))::int8 as wasted, null::int8 as dead"
    " from {schema}.pgstatindex($1::int8::oid::regclass)",
}
"""From the extension pgstattuple (manual section F.33). The first passes over pages that VACUUM knows to be full."""
_HOW = "estimated from what ANALYZE says of the widths of columns; create extension pgstattuple to have it measured"
_MEASURED = "measured by pgstattuple, as far as it got in the time that a section may take; the rest is estimated"


async def bloat(session: Session) -> Section:
    """Tables and indexes with the most room that holds nothing."""
    schema = await session.extension("pgstattuple")
    rows = []
    unknown = 0
    found = await session.rows(_ESTIMATE, session.limit)
    end = monotonic() + session.timeout
    for row in found:
        left = end - monotonic()
        measured = await _measured(session, schema, row["kind"], row["oid"], left) if schema and left > 0 else None
        wasted, dead = measured or (row["wasted"], row["dead"])
        unknown += wasted is None
        share = None if wasted is None else max(0, wasted) / row["bytes"]
        method = "measured" if measured else "estimate"
        rows.append((row["name"], row["kind"], row["bytes"], wasted, share, dead, method))
    notes = [_MEASURED if schema else _HOW]
    if unknown:
        notes.append("where there is a -, ANALYZE has not been run, or the role may not read the table's columns")
    rows.sort(key=lambda row: -1 if row[3] is None else row[3], reverse=True)
    return Section("bloat", "Room that holds nothing", BLOAT, tuple(rows), tuple(notes), "no table or index over 1 MB")


async def _measured(
    session: Session, schema: str, kind: str, oid: int, seconds: float
) -> tuple[int, int | None] | None:
    """Bytes and dead rows; None where the role may not measure, or where it would take longer than so many seconds."""
    try:
        async with session.connection.transaction():
            await session.connection.execute(f"set local statement_timeout to {max(1, round(seconds * 1000))}")
            row = await session.row(_MEASURE[kind].format(schema=schema), oid)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError):
        return None
    return max(0, row["wasted"]), row["dead"]
