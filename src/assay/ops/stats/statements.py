"""The statements that take the most time, from pg_stat_statements, joined to the code that sends them."""

from __future__ import annotations

import asyncpg

from assay.ops.stats.code import Places
from assay.ops.stats.model import Field, Section
from assay.ops.stats.normalising import normalised
from assay.ops.stats.redacting import HIDDEN, redacted
from assay.ops.stats.session import Session

_STATEMENTS = """
with own as (
    select s.userid, s.query, s.calls, s.rows, s.total_exec_time / 1000 as seconds, s.mean_exec_time / 1000 as mean,
        s.max_exec_time / 1000 as longest, s.stddev_exec_time / 1000 as deviation,
        s.shared_blks_hit as hit, s.shared_blks_read as read, s.temp_blks_written as temporary
    from {schema}.pg_stat_statements s
    where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.toplevel)
select o.query, r.rolname::text as role, o.calls, o.seconds, o.mean, o.longest, o.deviation, o.rows,
    o.seconds / nullif(sum(o.seconds) over (), 0) as share,
    o.hit::float8 / nullif(o.hit + o.read, 0) as from_memory,
    o.temporary * current_setting('block_size')::int8 as temporary
from own o left join pg_roles r on r.oid = o.userid
where o.query not ilike '%pg\\_stat\\_statements%'
order by o.seconds desc limit $1
"""
_INFO = """
select extract(epoch from now() - i.stats_reset)::float8 as age, i.dealloc as dropped
from {schema}.pg_stat_statements_info i
"""
STATEMENTS = (
    Field("total_seconds", "total", "seconds"),
    Field("share_ratio", "share", "ratio"),
    Field("calls", "calls", "count"),
    Field("mean_seconds", "mean", "seconds"),
    Field("max_seconds", "longest", "seconds"),
    Field("stddev_seconds", "deviation", "seconds", only_json=True),
    Field("rows", "rows", "count"),
    Field("hit_ratio", "from memory", "ratio"),
    Field("temporary_bytes", "on disk", "bytes", only_json=True),
    Field("role", "role", only_json=True),
    Field("code", "code", "list", long=True),
    Field("query", "query", long=True),
)
_TITLE = "Slow statements"
_PRELOAD = "put pg_stat_statements into shared_preload_libraries and start the server again"
_MISSING = (
    "the extension pg_stat_statements is not in this database: "
    f"{_PRELOAD}, then run create extension pg_stat_statements"
)


async def statements(session: Session, places: Places | None) -> Section:
    """What took the most time since the statistics began, planning left out.

    Args:
        session: the session.
        places: the statements of the code; None where it was not looked at.
    """
    schema = await session.extension("pg_stat_statements")
    if schema is None:
        return _empty(_MISSING)
    try:
        async with session.connection.transaction():
            rows = await session.rows(_STATEMENTS.format(schema=schema), session.limit)
            info = await session.row(_INFO.format(schema=schema))
    except asyncpg.ObjectNotInPrerequisiteStateError:
        return _empty(f"the extension pg_stat_statements is there, and the server does not run it: {_PRELOAD}")
    hidden = sum(row["query"] == HIDDEN for row in rows)
    told = tuple(
        (
            row["seconds"], row["share"], row["calls"], row["mean"], row["longest"], row["deviation"], row["rows"],
            row["from_memory"], row["temporary"], row["role"], _places(row["query"], places), redacted(row["query"]),
        )
        for row in rows
    )  # fmt: skip
    return Section("statements", _TITLE, STATEMENTS, told, tuple(_notes(info["age"], info["dropped"], hidden, places)))


def _empty(note: str) -> Section:
    return Section("statements", _TITLE, STATEMENTS, notes=(note,), nothing="nothing is known")


def _places(query: str, places: Places | None) -> list[str] | None:
    if places is None or query == HIDDEN:
        return None
    return list(places.get(normalised(query), ()))


def _notes(age: float | None, dropped: int, hidden: int, places: Places | None) -> list[str]:
    notes = (
        [] if age is None else [f"counted for {age / 3600:,.1f} hours; select pg_stat_statements_reset() begins anew"]
    )
    if dropped:
        notes.append(f"statements were dropped {dropped:,} times for want of room: raise pg_stat_statements.max")
    if hidden:
        notes.append(f"the texts of {hidden} are hidden from this role; grant pg_monitor to it to see them")
    if places is None:
        notes.append("the code was not looked at")
    return notes
