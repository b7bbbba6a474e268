"""Whether replicas keep up, and whether VACUUM does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from assay.ops.stats.model import Field, Section
from assay.ops.stats.session import Session

_ROLE = """
select pg_is_in_recovery() as standby, pg_last_wal_receive_lsn()::text as received,
    pg_last_wal_replay_lsn()::text as replayed,
    pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::int8 as behind,
    extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp())::float8 as age
"""
_SENDERS = """
select 'replica' as kind, coalesce(nullif(r.application_name, ''), '-') as name, r.client_addr::text as address,
    r.state, r.sync_state as mode,
    pg_wal_lsn_diff({position}, r.sent_lsn)::int8 as unsent,
    pg_wal_lsn_diff({position}, r.flush_lsn)::int8 as unflushed,
    pg_wal_lsn_diff({position}, r.replay_lsn)::int8 as unreplayed,
    extract(epoch from r.replay_lag)::float8 as lag, null::int8 as kept
from pg_stat_replication r
union all
select case when s.slot_type = 'logical' then 'logical slot' else 'slot' end, s.slot_name::text, null,
    case when s.active then 'active' else 'not active' end, s.wal_status, null, null,
    case when s.confirmed_flush_lsn is null then null
        else pg_wal_lsn_diff({position}, s.confirmed_flush_lsn)::int8 end,
    null, pg_wal_lsn_diff({position}, s.restart_lsn)::int8
from pg_replication_slots s
order by 1, 2 limit $1
"""
_POSITION = {
    False: "pg_current_wal_lsn()",
    True: "coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())",
}
"""By whether the server is a standby itself."""
REPLICATION = (
    Field("kind", "kind"),
    Field("name", "name", long=True),
    Field("address", "address"),
    Field("state", "state"),
    Field("mode", "mode"),
    Field("unsent_bytes", "unsent", "bytes"),
    Field("unflushed_bytes", "unflushed", "bytes"),
    Field("unreplayed_bytes", "unreplayed", "bytes"),
    Field("replay_lag_seconds", "lag", "seconds"),
    Field("kept_wal_bytes", "WAL kept", "bytes"),
)


async def replication(session: Session) -> Section:
    """Replicas of this server and replication slots; of a standby also how far it is behind."""
    role = await session.row(_ROLE)
    sql = _SENDERS.format(position=_POSITION[role["standby"]])
    rows = [tuple(row.values()) for row in await session.rows(sql, session.limit)]
    notes = _standby(role) if role["standby"] else []
    if any(row[0] == "replica" and row[3] is None for row in rows):
        notes.append("how far replicas are is hidden from this role; grant pg_monitor to it to see it")
    if any(row[3] == "not active" for row in rows):
        notes.append("a slot that is not active keeps WAL until the disk is full; drop it if nobody comes back for it")
    return Section("replication", "Replication", REPLICATION, tuple(rows), tuple(notes), "no replicas and no slots")


def _standby(role: Mapping[str, Any]) -> list[str]:
    if role["replayed"] is None:
        return ["this server is a standby that has not replayed anything yet"]
    notes = [f"this server is a standby, replayed to {role['replayed']}"]
    if role["behind"] is not None:
        notes.append(f"{max(0, role['behind']):,} bytes are received and not replayed yet")
    if role["age"] is not None:
        notes.append(f"the last transaction that it replayed was committed {role['age']:.1f} s ago")
    return notes


_VACUUM = """
select format('%I.%I', n.nspname, c.relname) as name, s.n_live_tup as live, s.n_dead_tup as dead,
    s.n_mod_since_analyze as changed,
    extract(epoch from now() - greatest(s.last_vacuum, s.last_autovacuum))::float8 as vacuumed,
    extract(epoch from now() - greatest(s.last_analyze, s.last_autoanalyze))::float8 as analyzed,
    age(c.relfrozenxid)::int8 as age,
    age(c.relfrozenxid)::float8 / current_setting('autovacuum_freeze_max_age')::float8 as toward_freeze,
    s.n_dead_tup > least(
        coalesce(o.threshold, current_setting('autovacuum_vacuum_threshold')::float8)
        + coalesce(o.scale, current_setting('autovacuum_vacuum_scale_factor')::float8) * greatest(c.reltuples, 0),
        -- Since 18; -1 is no limit, and least() passes over NULLs.
        nullif(coalesce(o.most, current_setting('autovacuum_vacuum_max_threshold', true)::float8), -1)) as due
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_stat_all_tables s on s.relid = c.oid
cross join lateral (select
    max(o.option_value::float8) filter (where o.option_name = 'autovacuum_vacuum_threshold') as threshold,
    max(o.option_value::float8) filter (where o.option_name = 'autovacuum_vacuum_scale_factor') as scale,
    max(o.option_value::float8) filter (where o.option_name = 'autovacuum_vacuum_max_threshold') as most
    from pg_options_to_table(c.reloptions) o) o
where c.relkind in ('r', 'm') and n.nspname !~ '^pg_(catalog|toast|temp)' and n.nspname <> 'information_schema'
order by s.n_dead_tup desc, age(c.relfrozenxid) desc, 1 limit $1
"""
_AGE = """
select age(d.datfrozenxid)::int8 as age, mxid_age(d.datminmxid)::int8 as multixacts,
    current_setting('autovacuum_freeze_max_age')::int8 as freeze, current_setting('autovacuum') as autovacuum,
    (select count(*) from pg_stat_progress_vacuum v where v.datname = d.datname) as running,
    (select count(*) from pg_class c where c.relkind in ('r', 'm', 't')
        and age(c.relfrozenxid) > current_setting('autovacuum_freeze_max_age')::int8) as overdue
from pg_database d where d.datname = current_database()
"""
VACUUM = (
    Field("name", "table", long=True),
    Field("live_rows", "live rows", "count"),
    Field("dead_rows", "dead rows", "count"),
    Field("changed_rows", "since analyze", "count"),
    Field("vacuumed_seconds_ago", "vacuumed ago", "seconds"),
    Field("analyzed_seconds_ago", "analyzed ago", "seconds"),
    Field("age_transactions", "age", "count"),
    Field("freeze_ratio", "to freeze", "ratio"),
    Field("due", "due", "flag"),
)
WRAPAROUND = 2_147_483_647
"""Transactions after which numbers come round again (manual section 24.1.5); the server stops 3 million before."""


async def vacuum(session: Session) -> Section:
    """Dead rows, when VACUUM and ANALYZE last ran, and how old the oldest transaction number is."""
    rows = [tuple(row.values()) for row in await session.rows(_VACUUM, session.limit)]
    age = await session.row(_AGE)
    how_far = f"{age['age'] / WRAPAROUND:.1%} of the way to wraparound"
    notes = [f"the database is {age['age']:,} transactions old, {how_far}; tables are frozen from {age['freeze']:,} on"]
    if age["overdue"]:
        notes.append(f"{age['overdue']} tables are older than that: look for long transactions and idle slots")
    if age["autovacuum"] != "on":
        notes.append("autovacuum is off; switch it on")
    if age["running"]:
        notes.append(f"VACUUM is running on {age['running']} of its tables")
    return Section("vacuum", "Vacuum", VACUUM, tuple(rows), tuple(notes), "no tables")
