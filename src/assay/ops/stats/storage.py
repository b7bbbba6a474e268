"""How large tables and indexes are, how they are used, and how often what is asked for is in memory."""

from __future__ import annotations

import asyncpg

from assay.ops.stats.model import Field, Section
from assay.ops.stats.session import Session
from assay.schema.advice.covering import redundant
from assay.schema.advice.reading import read_tables

_USER = "n.nspname !~ '^pg_(catalog|toast|temp)' and n.nspname <> 'information_schema'"
_SIZES = """
locked as (
    select distinct l.relation as oid from pg_locks l
    where l.mode = 'AccessExclusiveLock' and l.pid <> pg_backend_pid()
    and l.database = (select d.oid from pg_database d where d.datname = current_database())),
files as (
    -- Asking for a file's size takes a lock on its table, so where one has to be waited for, the catalog must do.
    select c.oid, c.relnamespace, c.relname, c.relkind, c.reltoastrelid, c.reltuples,
        k.oid is not null as estimated,
        case when k.oid is not null then c.relpages::int8 * current_setting('block_size')::int8
            else coalesce(pg_relation_size(c.oid) + pg_relation_size(c.oid, 'fsm') + pg_relation_size(c.oid, 'vm'), 0)
            end as bytes
    from pg_class c left join locked k on k.oid = c.oid
    where c.relkind in ('r', 'm', 't', 'i'))"""

_TABLES = f"""
with {_SIZES},
indexes as (
    select i.indrelid as oid, sum(f.bytes) as bytes, bool_or(f.estimated) as estimated
    from pg_index i join files f on f.oid = i.indexrelid group by i.indrelid)
select format('%I.%I', n.nspname, f.relname) as name,
    (f.bytes + coalesce(t.bytes, 0) + coalesce(ti.bytes, 0) + coalesce(x.bytes, 0))::int8 as total_bytes,
    f.bytes::int8 as heap_bytes, (coalesce(t.bytes, 0) + coalesce(ti.bytes, 0))::int8 as toast_bytes,
    coalesce(x.bytes, 0)::int8 as indexes_bytes, case when f.reltuples < 0 then null else f.reltuples::int8 end as rows,
    s.seq_scan as scans, s.seq_tup_read as scanned_rows, s.idx_scan as index_scans,
    s.n_tup_ins as inserted, s.n_tup_upd as updated, s.n_tup_del as deleted,
    f.estimated or coalesce(t.estimated, false) or coalesce(x.estimated, false) as estimated
from files f join pg_namespace n on n.oid = f.relnamespace
left join files t on t.oid = f.reltoastrelid
left join indexes x on x.oid = f.oid
left join indexes ti on ti.oid = f.reltoastrelid
left join pg_stat_all_tables s on s.relid = f.oid
where f.relkind in ('r', 'm') and {_USER}
order by 2 desc, 1 limit $1
"""  # noqa: S608 - made of texts of this module

TABLES = (
    Field("name", "table", long=True),
    Field("total_bytes", "total", "bytes"),
    Field("heap_bytes", "heap", "bytes"),
    Field("toast_bytes", "toast", "bytes"),
    Field("indexes_bytes", "indexes", "bytes"),
    Field("estimated_rows", "rows (est.)", "count"),
    Field("sequential_scans", "seq scans", "count"),
    Field("sequentially_read_rows", "rows read so", "count", only_json=True),
    Field("index_scans", "index scans", "count"),
    Field("inserted_rows", "inserted", "count", only_json=True),
    Field("updated_rows", "updated", "count", only_json=True),
    Field("deleted_rows", "deleted", "count", only_json=True),
    Field("size_is_estimated", "estimated", "flag", only_json=True),
)


async def tables(session: Session) -> Section:
    """Sizes of tables with TOAST and indexes, and how they are read."""
    rows = [tuple(row.values()) for row in await session.rows(_TABLES, session.limit)]
    notes = ["some tables are locked, and their sizes are those of the last VACUUM or ANALYZE"]
    locked = any(row[-1] for row in rows)
    return Section("tables", "Largest tables", TABLES, tuple(rows), tuple(notes if locked else ()), "no tables")


_INDEXES = f"""
with {_SIZES}
select format('%I.%I', n.nspname, f.relname) as name, format('%I.%I', tn.nspname, t.relname) as "table",
    f.bytes::int8 as bytes, s.idx_scan as scans, s.idx_tup_read as entries, i.indisunique as is_unique,
    i.indisvalid as valid, i.indexrelid::int8 as oid
from files f join pg_namespace n on n.oid = f.relnamespace
join pg_index i on i.indexrelid = f.oid
join pg_class t on t.oid = i.indrelid
join pg_namespace tn on tn.oid = t.relnamespace
left join pg_stat_all_indexes s on s.indexrelid = f.oid
where f.relkind = 'i' and {_USER}
order by 3 desc, 1 limit $1
"""  # noqa: S608 - made of texts of this module
_SINCE = """
select extract(epoch from now() - d.stats_reset)::float8 as seconds from pg_stat_database d
where d.datname = current_database()
"""
INDEXES = (
    Field("name", "index", long=True),
    Field("table", "table", long=True),
    Field("bytes", "size", "bytes"),
    Field("scans", "scans", "count"),
    Field("entries_read", "entries read", "count"),
    Field("unique", "unique", "flag"),
    Field("valid", "valid", "flag", only_json=True),
    Field("remark", "remark", long=True),
    Field("redundant_with", "redundant with", only_json=True),
)


async def indexes(session: Session) -> Section:
    """Sizes and use of indexes, and which of them another makes redundant."""
    covered = await _covered(session)
    rows = []
    for row in await session.rows(_INDEXES, session.limit):
        kept = (covered or {}).get(row["oid"])
        values = tuple(value for name, value in row.items() if name != "oid")
        rows.append((*values, _remark(row["valid"], row["is_unique"], row["scans"], kept), kept))
    since = (await session.row(_SINCE))["seconds"]
    note = "scans are counted on this server alone, since its statistics began"
    if since is not None:
        note += f" {since / 86400:.1f} days ago"
    notes = [note]
    if covered is None:
        notes.append("redundant indexes were not looked for: a table is locked, or there are too many")
    elif any(row[-1] for row in rows):
        notes.append("assay schema lint -D tells more about redundant and unused indexes, with the SQL that drops them")
    return Section("indexes", "Largest indexes", INDEXES, tuple(rows), tuple(notes), "no indexes")


async def _covered(session: Session) -> dict[int, str] | None:
    """What makes an index redundant, by its OID; None where a lock on a table keeps that from being found out."""
    try:
        async with session.connection.transaction():
            tables = await read_tables(session.connection)
    except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError):
        return None
    return {found.index.oid: found.kept.label for table in tables for found in redundant(table.indexes)}


def _remark(valid: bool, unique: bool, scans: int | None, kept: str | None) -> str:
    if not valid:
        return "not valid"
    if kept:
        return f"{kept} does the same"
    return "not used yet" if scans == 0 and not unique else ""


_CACHE = """
select 'this database' as what, d.blks_hit as hit, d.blks_read as read from pg_stat_database d
where d.datname = current_database()
union all
select 'tables', sum(s.heap_blks_hit)::int8, sum(s.heap_blks_read)::int8 from pg_statio_user_tables s
union all
select 'indexes', sum(s.idx_blks_hit)::int8, sum(s.idx_blks_read)::int8 from pg_statio_user_tables s
union all
select 'toast', sum(s.toast_blks_hit + s.tidx_blks_hit)::int8, sum(s.toast_blks_read + s.tidx_blks_read)::int8
from pg_statio_user_tables s
"""
CACHE = (
    Field("what", "what"),
    Field("hit_ratio", "from memory", "ratio"),
    Field("hit_blocks", "blocks hit", "count"),
    Field("read_blocks", "blocks read", "count"),
)


async def cache(session: Session) -> Section:
    """How many blocks were in shared buffers when they were asked for."""
    rows = []
    for row in await session.rows(_CACHE):
        hit, read = row["hit"] or 0, row["read"] or 0
        rows.append((row["what"], hit / (hit + read) if hit + read else None, hit, read))
    setting = await session.row("select current_setting('shared_buffers') as size")
    note = f"shared_buffers is {setting['size']}; a block read may still have come from the system's own cache"
    return Section("cache", "Blocks found in memory", CACHE, tuple(rows), (note,))
