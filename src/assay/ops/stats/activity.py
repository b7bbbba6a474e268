"""Who is connected, what has been open for long, and who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from assay.ops.stats.model import Field, Section
from assay.ops.stats.redacting import redacted
from assay.ops.stats.session import Session

HIDDEN_NOTE = "what {count} of other roles do is hidden from this role; grant pg_monitor to it to see them"
_CLIENT = "(a.backend_type = 'client backend' or (a.backend_type is null and a.usesysid is not null))"
"""That a session is a client's, also where the role may not see what it is."""
_CONNECTIONS = f"""
select a.datname::text as database, a.usename::text as role,
    coalesce(nullif(a.application_name, ''), '-') as application, a.state, count(*) as connections,
    count(*) filter (where a.wait_event_type = 'Lock') as waiting,
    greatest(max(extract(epoch from clock_timestamp() - a.state_change)), 0)::float8 as longest
from pg_stat_activity a where {_CLIENT} and a.pid <> pg_backend_pid()
group by 1, 2, 3, 4 order by 5 desc, 1, 2, 3, 4 limit $1
"""  # noqa: S608 - made of texts of this module
_ROOM = f"""
select count(*) as used, current_setting('max_connections')::int8 as most,
    current_setting('superuser_reserved_connections')::int8 as reserved,
    count(*) filter (where a.query = '<insufficient privilege>') as hidden
from pg_stat_activity a where {_CLIENT}
"""  # noqa: S608 - made of texts of this module
CONNECTIONS = (
    Field("database", "database", long=True),
    Field("role", "role"),
    Field("application", "application", long=True),
    Field("state", "state"),
    Field("connections", "connections", "count"),
    Field("waiting_for_locks", "waiting", "count"),
    Field("longest_in_state_seconds", "longest so", "seconds"),
)


async def connections(session: Session) -> Section:
    """Connections of all databases by role, application and state."""
    rows = [tuple(row.values()) for row in await session.rows(_CONNECTIONS, session.limit)]
    room = await session.row(_ROOM)
    used, most = room["used"], room["most"]
    notes = [f"{used:,} of {most:,} connections are in use, this one included; {room['reserved']} are for superusers"]
    notes += _hidden(room["hidden"])
    return Section("connections", "Connections", CONNECTIONS, tuple(rows), tuple(notes), "no others")


def _hidden(count: int) -> list[str]:
    sessions = "1 session" if count == 1 else f"{count:,} sessions"
    return [HIDDEN_NOTE.format(count=sessions)] if count else []


LONG_AFTER = 5.0
"""Seconds after which a transaction is told."""
_TRANSACTIONS = """
select a.pid, a.usename::text as role, coalesce(nullif(a.application_name, ''), '-') as application, a.state,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as age,
    extract(epoch from clock_timestamp() - a.state_change)::float8 as in_state,
    greatest(age(a.backend_xmin), age(a.backend_xid))::int8 as held_back, a.query
from pg_stat_activity a
where a.xact_start < clock_timestamp() - $2 * interval '1 second' and a.pid <> pg_backend_pid()
and a.datname = current_database() and a.backend_type <> 'walsender'
order by 5 desc limit $1
"""
_PREPARED = """
select count(*) as transactions, max(extract(epoch from clock_timestamp() - p.prepared))::float8 as age
from pg_prepared_xacts p where p.database = current_database()
"""
TRANSACTIONS = (
    Field("pid", "pid", "text"),
    Field("role", "role"),
    Field("application", "application", long=True),
    Field("state", "state"),
    Field("age_seconds", "open for", "seconds"),
    Field("in_state_seconds", "so for", "seconds"),
    Field("holds_back_transactions", "holds back", "count"),
    Field("query", "query", long=True),
)


async def transactions(session: Session) -> Section:
    """Transactions that have been open for long; VACUUM keeps every row that the oldest of them may still see."""
    found = await session.rows(_TRANSACTIONS, session.limit, LONG_AFTER)
    rows = [(*list(row.values())[:-1], redacted(row["query"])) for row in found]
    notes = ["a query that is idle in a transaction is its last one"] if rows else []
    prepared = await session.row(_PREPARED)
    if prepared["transactions"]:
        count, age = prepared["transactions"], prepared["age"]
        notes.append(
            f"{count} prepared by PREPARE TRANSACTION and not ended, the oldest for {age:,.0f} s: they keep locks"
        )
    notes += _hidden((await session.row(_ROOM))["hidden"])
    nothing = f"none has been open for more than {LONG_AFTER:g} s"
    return Section("transactions", "Long transactions", TRANSACTIONS, tuple(rows), tuple(notes), nothing)


_LOCKS = """
with waiting as (
    -- pg_locks shows everybody who waits, where pg_stat_activity hides it from roles without rights.
    select l.pid, pg_blocking_pids(l.pid) as blocked_by
    from (select distinct w.pid from pg_locks w where not w.granted) l where l.pid is not null
), involved as (
    select w.pid from waiting w union select b.pid from waiting w, unnest(w.blocked_by) b (pid)
)
select i.pid, coalesce(w.blocked_by, '{}') as blocked_by, a.datname::text as database, a.usename::text as role,
    coalesce(nullif(a.application_name, ''), '-') as application, a.state, l.locktype, l.mode,
    case when l.relation is null then null
        when a.datname = current_database() then coalesce(l.relation::regclass::text, l.relation::text)
        else l.relation::text end as relation,
    extract(epoch from clock_timestamp() - coalesce(l.waitstart, a.state_change))::float8 as waited,
    extract(epoch from clock_timestamp() - a.xact_start)::float8 as age, a.query
from involved i left join waiting w on w.pid = i.pid
left join pg_stat_activity a on a.pid = i.pid
left join lateral (select l.* from pg_locks l where l.pid = i.pid and not l.granted limit 1) l on true
order by i.pid
"""
LOCKS = (
    Field("pid", "pid", only_json=True),
    Field("tree", "pid", only_text=True),
    Field("blocked_by", "waits for", "list", only_json=True),
    Field("depth", "depth", "count", only_json=True),
    Field("database", "database", only_json=True),
    Field("role", "role"),
    Field("application", "application", long=True),
    Field("state", "state"),
    Field("lock", "waits for"),
    Field("relation", "on", long=True),
    Field("waited_seconds", "waited", "seconds"),
    Field("transaction_age_seconds", "transaction", "seconds"),
    Field("query", "query", long=True),
)
_PREPARED_PID = 0
"""pg_blocking_pids() has it for a transaction that no session runs (manual section 9.27)."""


async def locks(session: Session) -> Section:
    """Sessions that wait for a lock, below those that they wait for."""
    found = {row["pid"]: row for row in await session.rows(_LOCKS)}
    rows = [_waiting(found[pid], depth) for pid, depth in tree({pid: row["blocked_by"] for pid, row in found.items()})]
    notes = (
        ["a session stands below the one that it waits for; where there are several, JSON has them all"] if rows else []
    )
    notes += ["pid 0 is a transaction that was prepared and not ended"] if _PREPARED_PID in found else []
    notes += _hidden((await session.row(_ROOM))["hidden"])
    return Section("locks", "Who waits for whom", LOCKS, tuple(rows), tuple(notes), "nobody waits for a lock")


def tree(blocked_by: Mapping[int, Sequence[int]]) -> list[tuple[int, int]]:
    """Each process once, with its depth, below one of those that it waits for.

    That is one that is as near as can be to a process that waits for nobody. Processes that wait for each other in a
    circle, until the server ends one of them, begin with the first of them.

    Args:
        blocked_by: for each process those that it waits for.
    """
    behind: dict[int, list[int]] = {}
    for pid, blockers in sorted(blocked_by.items()):
        for blocker in dict.fromkeys(blockers):
            behind.setdefault(blocker, []).append(pid)
    below: dict[int, list[int]] = {}
    placed: set[int] = set()
    roots = _spread([pid for pid in sorted(blocked_by) if not blocked_by[pid]], behind, below, placed)
    for pid in sorted(blocked_by):
        if pid not in placed:
            roots += _spread([pid], behind, below, placed)
    return _listed(roots, below)


def _spread(
    roots: list[int], behind: Mapping[int, list[int]], below: dict[int, list[int]], placed: set[int]
) -> list[int]:
    """Put below the roots, level by level, whoever waits for somebody who is placed; gives the roots back."""
    placed.update(roots)
    level = roots
    while level:
        following = []
        for pid in level:
            below[pid] = [waiter for waiter in behind.get(pid, []) if waiter not in placed]
            placed.update(below[pid])
            following += below[pid]
        level = following
    return roots


def _listed(roots: Sequence[int], below: Mapping[int, list[int]]) -> list[tuple[int, int]]:
    lines: list[tuple[int, int]] = []
    todo = [(pid, 0) for pid in reversed(roots)]
    while todo:
        pid, depth = todo.pop()
        lines.append((pid, depth))
        todo += [(waiter, depth + 1) for waiter in reversed(below[pid])]
    return lines


def _waiting(row: Mapping[str, Any], depth: int) -> tuple[Any, ...]:
    waits = bool(row["blocked_by"])
    return (
        row["pid"],
        f"{'  ' * (depth - 1)}└ {row['pid']}" if depth else str(row["pid"]),
        list(row["blocked_by"]),
        depth,
        row["database"],
        row["role"],
        row["application"],
        row["state"],
        row["mode"] if waits else None,
        row["relation"] if waits else None,
        row["waited"] if waits else None,
        row["age"],
        redacted(row["query"]),
    )
