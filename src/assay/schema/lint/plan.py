"""What the pending migrations of a database would do, statement by statement: ``assay migrate plan``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from assay.config import DatabaseUrl
from assay.schema.lint.measure import measure
from assay.schema.lint.model import Effect, Lock, MeasuredFile, Mode, Sizes
from assay.schema.lint.pending import Chosen, scratch_with
from assay.schema.lint.sizes import sizes

_LONGEST = 100
"""So many characters of a statement are shown."""


@dataclass(frozen=True, slots=True)
class LockPlan:
    """What would run."""

    files: tuple[MeasuredFile, ...]
    sizes: Sizes
    notices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay migrate plan --output-format json``."""
        return {
            "migrations": [
                {
                    "version": file.ready.migration.version,
                    "description": file.ready.migration.description,
                    "path": str(file.ready.script.path),
                    "transaction": not file.ready.stepwise,
                    "lock_timeout_ms": file.ready.script.timeouts.lock,
                    "statements": [effect_to_json(effect, self.sizes) for effect in file.effects],
                }
                for file in self.files
            ],
            "notices": list(self.notices),
        }


async def plan_locks(
    server: DatabaseUrl, chosen: Chosen, live: DatabaseUrl | None = None, assumed: int | None = None
) -> LockPlan:
    """Measure the pending migrations on a scratch database.

    Args:
        server: where the scratch database is made, which is dropped again.
        chosen: what has been applied, and what is pending.
        live: the database whose statistics tell how large the tables are; nothing else is asked of it.
        assumed: the rows of tables that no statistics tell of.

    Raises MigrationError when the server refuses a statement, and what ``assay.migrate.run`` raises.
    """
    if not chosen.pending:
        return LockPlan((), Sizes({}, assumed), chosen.notices)
    async with scratch_with(server, chosen.applied) as scratch:
        files = await measure(scratch, chosen.pending)
    known = {} if live is None else await sizes(live, _tables(files))
    return LockPlan(files, Sizes(known, assumed), chosen.notices)


def _tables(files: Iterable[MeasuredFile]) -> set[str]:
    effects = [effect for file in files for effect in file.effects]
    names = {lock.table for effect in effects for lock in effect.in_force}
    return names.union(*((*effect.rewritten, *effect.scanned) for effect in effects))


def to_text(plan: LockPlan) -> Iterator[str]:
    """The lines for people."""
    if not plan.files:
        yield "Nothing to apply: every migration is installed"
    for file in plan.files:
        yield from _file(file, plan.sizes)


def _file(file: MeasuredFile, sizes: Sizes) -> Iterator[str]:
    migration, timeout = file.ready.migration, file.ready.script.timeouts.lock
    how = "statement by statement" if file.ready.stepwise else "in one transaction"
    waits = f"waits {timeout} ms for a lock" if timeout else "waits for locks without limit"
    yield f"{migration.version}/{migration.kind} {migration.description}: {how}, {waits}"
    for effect in file.effects:
        yield f"  {effect.place} {_cut(effect.text)}"
        yield from (f"    {line}" for line in _effect(effect, sizes))


def _effect(effect: Effect, sizes: Sizes) -> Iterator[str]:
    for lock in effect.locks:
        if lock.mode is not Mode.ACCESS_SHARE:
            yield _lock(lock, sizes)
    for table in effect.rewritten:
        yield f"{'empties' if effect.empties else 'rewrites'} {_named(table, sizes)}{_still(effect, table)}"
    worked = {*effect.rewritten, *(built.table for built in effect.built)}
    for table in effect.scanned:
        if table not in worked:
            yield f"reads all of {_named(table, sizes)}{_still(effect, table)}"
    for built in effect.built:
        yield f"builds index {built.index} on {_named(built.table, sizes)}{_still(effect, built.table)}"
    yield from (f"drops {what}" for what in effect.dropped)


def _lock(lock: Lock, sizes: Sizes) -> str:
    through = f", through {lock.through}" if lock.through else ""
    blocked = ", ".join(lock.mode.blocks)
    table = _named(lock.table, sizes) if lock.stored else lock.table
    return f"{lock.mode} on {table}{through}: " + (f"blocks {blocked}" if blocked else "blocks nothing")


def _still(effect: Effect, table: str) -> str:
    """What keeps others out meanwhile, where an earlier statement took that lock."""
    for lock in effect.held:
        if lock.table == table and lock.mode.stops_traffic:
            return f", under the {lock.mode} of an earlier statement"
    return ""


def _named(table: str, sizes: Sizes) -> str:
    size = sizes.of(table)
    return table if size is None else f"{table} ({size})"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def effect_to_json(effect: Effect, sizes: Sizes) -> dict[str, Any]:
    """A statement and what it does, in plain values."""
    return {
        "path": str(effect.place.path),
        "line": effect.place.line,
        "column": effect.place.column,
        "sql": effect.text,
        "transaction": not effect.alone,
        "locks": _locks_to_json(effect.locks, sizes),
        "held": _locks_to_json(effect.held, sizes),
        "rewritten": [] if effect.empties else list(effect.rewritten),
        "emptied": list(effect.rewritten) if effect.empties else [],
        "scanned": list(effect.scanned),
        "built": [{"index": built.index, "table": built.table} for built in effect.built],
        "dropped": list(effect.dropped),
    }


def _locks_to_json(locks: Sequence[Lock], sizes: Sizes) -> list[dict[str, Any]]:
    found = []
    for lock in locks:
        size = sizes.of(lock.table) if lock.stored else None
        found.append({
            "table": lock.table,
            "mode": str(lock.mode),
            "blocks": list(lock.mode.blocks),
            "through": lock.through or None,
            "size": None if size is None else size.to_json(),
        })  # fmt: skip
    return found
