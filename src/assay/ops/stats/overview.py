"""The database as a whole."""

from __future__ import annotations

from assay.ops.stats.model import Field, Section
from assay.ops.stats.session import Session

_DATABASE = """
select d.datname::text as database, pg_database_size(d.oid) as bytes,
    s.numbackends::int8 as connections, s.xact_commit as committed, s.xact_rollback as rolled_back,
    s.deadlocks, s.conflicts, s.temp_bytes as temporary,
    extract(epoch from now() - pg_postmaster_start_time())::float8 as up,
    extract(epoch from now() - s.stats_reset)::float8 as counted
from pg_database d join pg_stat_database s on s.datid = d.oid where d.datname = current_database()
"""
DATABASE = (
    Field("database", "database", long=True),
    Field("bytes", "size", "bytes"),
    Field("connections", "connections", "count"),
    Field("committed", "committed", "count"),
    Field("rolled_back", "rolled back", "count"),
    Field("deadlocks", "deadlocks", "count"),
    Field("replay_conflicts", "conflicts", "count", only_json=True),
    Field("temporary_bytes", "temp files", "bytes"),
    Field("server_up_seconds", "server up", "seconds"),
    Field("statistics_age_seconds", "counted for", "seconds"),
)


async def database(session: Session) -> Section:
    """Its size, and what its sessions did since its statistics began."""
    row = tuple((await session.row(_DATABASE)).values())
    return Section("database", "Database", DATABASE, (row,))
