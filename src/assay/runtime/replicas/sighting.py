"""What a server says of itself when it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.runtime.replicas.position import Position, end_of_record

LOOK = """
select
    c.system_identifier as system,
    r.in_recovery,
    case when r.in_recovery
        then greatest(p.timeline_id, m.min_recovery_end_timeline, w.received_tli)
        else ('x' || substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_flush_lsn()), 1, 8))::bit(32)::int
    end as timeline,
    (case when r.in_recovery
        then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_flush_lsn()
    end - '0/0'::pg_lsn)::int8 as lsn,
    pg_catalog.to_regclass('_sqlx_migrations') is not null as has_ledger
from
    (select pg_catalog.pg_is_in_recovery() as in_recovery offset 0) r,
    pg_catalog.pg_control_system() c,
    pg_catalog.pg_control_checkpoint() p,
    pg_catalog.pg_control_recovery() m,
    pg_catalog.pg_stat_get_wal_receiver() w
"""
"""What a server is, and how far it has come; any role may ask (manual sections 9.28.3, 9.28.4 and 9.28.6).

A primary's timeline is that of the file it writes to: its last checkpoint may be from before its promotion. A
replica's is at least that of what it has replayed; what it receives is told to roles with pg_read_all_stats only.
"""

LEDGER = """
select
    pg_catalog.encode(pg_catalog.sha256(
        pg_catalog.string_agg(pg_catalog.int8send(version) || checksum, ''::bytea order by version)
    ), 'hex') as digest,
    coalesce(pg_catalog.bool_and(success), true) as complete
from _sqlx_migrations
"""
"""The fingerprint of the migrations that were applied; :func:`assay.migrate.fingerprint` gives a folder's."""

INSERTED = """
select
    ('x' || substr(pg_catalog.pg_walfile_name(lsn), 1, 8))::bit(32)::int as timeline,
    (lsn - '0/0'::pg_lsn)::int8 as lsn,
    pg_catalog.current_setting('wal_block_size')::int8 as page,
    pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')) as segment
from pg_catalog.pg_current_wal_insert_lsn() as lsn
"""
"""Where the log of a primary ends. What a commit wrote lies before it, also with ``synchronous_commit = off``, where
the write and flush positions may not have come to it yet."""

REPLAYED = "select (pg_catalog.pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::int8"
"""How far a replica has come; NULL on a server that never was one."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The migrations that a database has had."""

    fingerprint: str = ""
    """Of those applied; empty where there is no ledger."""
    obstacle: str = ""
    """Why the fingerprint cannot be told, as the end of a sentence; empty where it can."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A server at one moment."""

    system: int
    """The system identifier, which a primary and its replicas have in common and no other server has."""
    in_recovery: bool
    """Whether it is a replica."""
    timeline: int
    lsn: int
    """Of a replica, how far it has replayed; of a primary, how far its log is on disk."""
    ledger: Ledger = field(default_factory=Ledger)


NO_RIGHT = Ledger(obstacle="this role may not read _sqlx_migrations; grant it SELECT on that table")
"""Where the server refuses :data:`LEDGER`."""


def sighting_of(row: Sequence[Any], ledger: Ledger) -> Sighting:
    """What a row of :data:`LOOK` says."""
    system, in_recovery, timeline, lsn, _ = row
    return Sighting(system, in_recovery, timeline, lsn or 0, ledger)


def ledger_of(row: Sequence[Any]) -> Ledger:
    """What a row of :data:`LEDGER` says."""
    digest, complete = row
    return Ledger(digest or "") if complete else Ledger(obstacle="a migration is not finished there")


def position_of(row: Sequence[Any]) -> Position:
    """What a row of :data:`INSERTED` says."""
    timeline, lsn, page, segment = row
    return Position(timeline, end_of_record(lsn, page, segment))
