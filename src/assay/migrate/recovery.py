"""Statements that cannot be rolled back, put right after they were stopped halfway.

CREATE INDEX CONCURRENTLY and its relatives work in several transactions of their own. Stopped in between, they leave
an invalid index (manual, "Building Indexes Concurrently" under CREATE INDEX; "Rebuilding Indexes Concurrently" under
REINDEX) or a partition that is half detached (ALTER TABLE, DETACH PARTITION ... FINALIZE).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from assay.migrate.unfinished import Unfinished
from assay.runtime.connecting import DriverConnection
from assay.sql.splitting import plain_text

_NAME = r'(?:"(?:[^"]|"")+"|(?:[^\W\d]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*)'
_PATH = rf"{_NAME}(?: ?\. ?{_NAME})*"

_CREATE_INDEX = re.compile(
    r"create (?:unique )?index concurrently (?:if not exists )?"
    rf"(?:(?!on )(?P<index>{_NAME}) )?on (?:only )?(?P<table>{_PATH})",
    re.IGNORECASE,
)
_DROP_INDEX = re.compile(rf"drop index concurrently (?:if exists )?(?P<index>{_PATH})", re.IGNORECASE)
_REINDEX = re.compile(r"reindex (?:\([^)]*\) ?)?\w+ concurrently\b|reindex \([^)]*\bconcurrently\b", re.IGNORECASE)
_DETACH = re.compile(
    rf"alter table (?:if exists )?(?:only )?(?P<parent>{_PATH})(?: ?\*)? "
    rf"detach partition (?P<partition>{_PATH}) concurrently",
    re.IGNORECASE,
)
_ALONE = re.compile(r"vacuum\b|(?:create|drop) (?:database|tablespace)\b|alter system\b", re.IGNORECASE)

_ALREADY_THERE = frozenset({"42P04", "42P06", "42P07", "42710"})
_ALREADY_GONE = frozenset({"3D000", "42P01", "42704"})

_BEFORE = {
    _CREATE_INDEX: (
        "select coalesce(array_agg(indexrelid), '{}') from pg_index where indrelid = to_regclass($1)",
        "table",
    ),
    _DROP_INDEX: (
        "select coalesce(array_agg(indexrelid), '{}') from pg_index where indexrelid = to_regclass($1)",
        "index",
    ),
    _REINDEX: ("select coalesce(array_agg(indexrelid), '{}') from pg_index where not indisvalid", None),
    _DETACH: (
        "select coalesce(array_agg(inhrelid), '{}') from pg_inherits where inhrelid = to_regclass($1)",
        "partition",
    ),
}
"""For each kind of statement, a query for ``relations_before``, and which name in the statement it takes."""

_NEW_INDEXES = """
select i.indisvalid as valid, i.indexrelid::regclass::text as name
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = to_regclass($1) and not i.indexrelid = any($3::oid[])
  and ($2::text is null or c.relname = (parse_ident($2))[1]::name)
"""
_ABANDONED_INDEX = """
select i.indexrelid::regclass::text as name
from pg_index i join pg_class c on c.oid = i.indexrelid
where i.indrelid = to_regclass($1) and not i.indisvalid and c.relname = (parse_ident($2))[1]::name
  and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
"""
_REINDEX_LEFTOVERS = """
select i.indexrelid::regclass::text as name
from pg_index i join pg_class c on c.oid = i.indexrelid
where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$' and not i.indexrelid = any($1::oid[])
  and not exists (select from pg_stat_progress_create_index p where p.index_relid = i.indexrelid)
"""
_DETACHING = "select inhdetachpending from pg_inherits where inhrelid = to_regclass($1)"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a look at an interrupted statement found and did."""

    finished: bool
    """Whether the statement has taken effect after all."""
    dropped: tuple[str, ...] = ()
    """Left-over invalid indexes that were dropped."""
    halfway: bool = False
    """Whether it is half done, and left so."""


async def relations_before(connection: DriverConnection, statement: str) -> tuple[int, ...]:
    """What is there before a statement runs, by oid, and tells later what the statement did.

    Of CREATE INDEX the indexes that the table has; of REINDEX all invalid ones; of DROP INDEX the index; of DETACH the
    partition. Nothing when there is no such thing, or the statement is another one.
    """
    text = plain_text(statement)
    for pattern, (query, name) in _BEFORE.items():
        if match := pattern.match(text):
            return tuple(await connection.fetchval(query, *([match[name]] if name else [])))
    return ()


async def drop_abandoned(connection: DriverConnection, statement: str) -> tuple[str, ...]:
    """Before CREATE INDEX CONCURRENTLY: drop an invalid index of that name, left over from an earlier attempt."""
    match = _CREATE_INDEX.match(plain_text(statement))
    if match is None or match["index"] is None:
        return ()
    abandoned = await connection.fetch(_ABANDONED_INDEX, match["table"], match["index"])
    return await _drop(connection, [record["name"] for record in abandoned])


def runs_alone(statement: str) -> bool:
    """Whether the statement is known not to run inside a transaction; others are found out by trying."""
    text = plain_text(statement)
    return any(pattern.match(text) for pattern in (_CREATE_INDEX, _DROP_INDEX, _REINDEX, _DETACH, _ALONE))


def took_effect_before(statement: str, sqlstate: str) -> bool:
    """Whether an error, of a statement that runs for the second time, shows that the first time did it all."""
    match plain_text(statement).lower().split(maxsplit=1)[:1]:
        case ["create"]:
            return sqlstate in _ALREADY_THERE
        case ["drop"]:
            return sqlstate in _ALREADY_GONE
        case _:
            return False


async def recover(connection: DriverConnection, progress: Unfinished, *, finish: bool = True) -> Recovered:
    """Find out what became of the statement that was running, and clear away what it left.

    A statement that is not one of the above is taken not to have finished; it is run again.

    Args:
        connection: the connection, with the search path that the statement had.
        progress: the statement and what was there before it.
        finish: whether to bring a half detached partition to its end, rather than leave that to the next run.
    """
    text = plain_text(progress.running or "")
    for pattern, look in _LOOKS.items():
        if match := pattern.match(text):
            found = await look(connection, match, progress)
            return await _finalize(connection, match) if found.halfway and finish else found
    return Recovered(finished=False)


Look = Callable[[DriverConnection, re.Match[str], Unfinished], Awaitable[Recovered]]


async def _created_index(connection: DriverConnection, match: re.Match[str], progress: Unfinished) -> Recovered:
    records = await connection.fetch(_NEW_INDEXES, match["table"], match["index"], list(progress.before))
    if any(record["valid"] for record in records):
        return Recovered(finished=True)
    return Recovered(finished=False, dropped=await _drop(connection, [record["name"] for record in records]))


async def _dropped_index(connection: DriverConnection, match: re.Match[str], progress: Unfinished) -> Recovered:
    gone = await connection.fetchval("select to_regclass($1) is null", match["index"])
    return Recovered(finished=bool(progress.before) and gone)


async def _reindexed(connection: DriverConnection, match: re.Match[str], progress: Unfinished) -> Recovered:
    leftovers = await connection.fetch(_REINDEX_LEFTOVERS, list(progress.before))
    return Recovered(finished=False, dropped=await _drop(connection, [record["name"] for record in leftovers]))


async def _detached(connection: DriverConnection, match: re.Match[str], progress: Unfinished) -> Recovered:
    pending = await connection.fetchval(_DETACHING, match["partition"])
    return Recovered(finished=bool(progress.before) and pending is None, halfway=bool(pending))


async def _finalize(connection: DriverConnection, match: re.Match[str]) -> Recovered:
    await connection.execute(f"alter table {match['parent']} detach partition {match['partition']} finalize")
    return Recovered(finished=True)


async def _drop(connection: DriverConnection, indexes: list[str]) -> tuple[str, ...]:
    for name in indexes:
        await connection.execute(f"drop index concurrently if exists {name}")
    return tuple(indexes)


_LOOKS: dict[re.Pattern[str], Look] = {
    _CREATE_INDEX: _created_index,
    _DROP_INDEX: _dropped_index,
    _REINDEX: _reindexed,
    _DETACH: _detached,
}
