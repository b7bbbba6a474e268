"""From what the statements of a file did to what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from assay.proof.findings import Finding, Severity
from assay.schema.lint.model import Effect, Lock, MeasuredFile, Mode, Sizes
from assay.schema.lint.rules import finding

SMALL = 10_000
"""Rows; what is done to a table known to have fewer takes some hundredths of a second, and is told as a warning."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding, and the statement that it is about."""

    found: Finding
    effect: Effect | None
    """None for a finding about the file."""


def judged(file: MeasuredFile, sizes: Sizes) -> Iterator[Judged]:
    """What is to be said of a file's statements, in their order."""
    for effect in file.effects:
        for found in _of_statement(effect, sizes):
            yield Judged(found, effect)
    yield from _held(file, sizes)
    yield from _several_tables(file)
    yield from _no_lock_timeout(file)


def _of_statement(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    yield from _rewritten(effect, sizes)
    yield from _built(effect, sizes)
    yield from _scanned(effect, sizes)
    yield from _destructive(effect, sizes)
    yield from _required(effect, sizes)
    yield from _bulk_written(effect, sizes)


def _rewritten(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    for table in effect.rewritten if not effect.empties else ():
        lock = effect.lock_on(table)
        against = lock.mode.against if lock is not None else "reads and writes"
        yield finding(
            "MIG101",
            effect.place,
            f"{_table(table, sizes)} is rewritten while it is locked against {against}",
            because=_reasons(effect, lock),
            fix=_instead_of_rewriting(effect),
            severity=_severity([table], sizes),
        )


def _instead_of_rewriting(effect: Effect) -> str:
    """What to do, by the words of the statement; that it rewrites was measured."""
    words = set(effect.text.lower().replace("(", " ").split())
    match effect.words[:1]:
        case ("vacuum",):
            return "leave it to VACUUM without FULL, or rewrite the table when nobody uses it"
        case ("refresh",):
            return "refresh it CONCURRENTLY, which needs a unique index on it"
        case ("alter",) if "type" in words:
            return ""
        case ("alter",) if "add" in words:
            return "add the column without the default, set it in a second statement, and fill the old rows in batches"
        case _:
            return "do it when nobody uses the table, or fill a new table beside it and move the code over"


def _built(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    for built in effect.built:
        lock = effect.lock_on(built.table)
        if lock is None or not lock.mode.stops_traffic:
            continue
        yield finding(
            "MIG103",
            effect.place,
            f"index {built.index} is built while {_table(built.table, sizes)} is locked against {lock.mode.against}",
            because=_reasons(effect, lock),
            fix=_instead_of_building(effect),
            severity=_severity([built.table], sizes),
        )


def _instead_of_building(effect: Effect) -> str:
    match effect.words[:1]:
        case ("reindex",):
            return "reindex it CONCURRENTLY, in a file that begins with -- no-transaction"
        case ("alter",):
            return (
                "create a unique index CONCURRENTLY in a file that begins with -- no-transaction, then add the "
                "constraint USING INDEX"
            )
        case _:
            return ""


def _scanned(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    told = {*effect.rewritten, *(built.table for built in effect.built)}
    told |= {column.rpartition(".")[0] for column in effect.required}
    for table in effect.scanned:
        lock = effect.lock_on(table)
        if table in told or lock is None or not lock.mode.stops_traffic:
            continue
        yield finding(
            "MIG102",
            effect.place,
            f"{_table(table, sizes)} is read from end to end while it is locked against {lock.mode.against}",
            because=_reasons(effect, lock),
            fix=_instead_of_scanning(effect, table),
            severity=_severity([table], sizes),
        )


def _instead_of_scanning(effect: Effect, table: str) -> str:
    text = effect.text.lower()
    if "set not null" in text:
        return (
            "add check (the column is not null) NOT VALID, validate it in a second migration, and set NOT NULL in a "
            "third, which then need not look at the rows"
        )
    if "attach partition" in text:
        return "give the table a validated CHECK constraint that says what the partition's bounds say, first"
    if not any(lock.table == table and lock.mode.stops_traffic for lock in effect.locks):
        return "move the statement to a migration of its own, so that the lock is let go before"
    return ""


def _destructive(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    for what in effect.dropped:
        if what.startswith(("table ", "column ")):
            yield finding("MIG107", effect.place, f"{what} is dropped, with what is in it")
    for table in effect.rewritten if effect.empties else ():
        yield finding("MIG107", effect.place, f"{_table(table, sizes)} is emptied")


def _required(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    for column in effect.required:
        size = sizes.of(column.rpartition(".")[0])
        if size is None or size.rows != 0:
            yield finding(
                "MIG108", effect.place, f"column {column} is added NOT NULL without a default, which fails on any row"
            )


def _bulk_written(effect: Effect, sizes: Sizes) -> Iterator[Finding]:
    """Tables that a statement looks for its rows from end to end, and changes, while others may go on."""
    for table in effect.scanned if effect.words[:1] != ("select",) else ():
        lock = effect.lock_on(table)
        if lock is not None and lock.mode is Mode.ROW_EXCLUSIVE:
            yield finding(
                "MIG109",
                effect.place,
                f"{_table(table, sizes)} is gone through from end to end for rows to change",
                because=("whoever writes one of these rows meanwhile waits for the end of the transaction",),
                severity=_severity([table], sizes),
            )


def _held(file: MeasuredFile, sizes: Sizes) -> Iterator[Judged]:
    """Work on tables while another one, locked by an earlier statement, is kept from its readers or writers."""
    for effect in file.effects:
        worked = {*effect.scanned, *effect.rewritten, *(built.table for built in effect.built)}
        waiting = [lock for lock in effect.held if lock.mode.stops_traffic and lock.table not in worked]
        if not worked or not waiting or effect.empties:
            continue
        tables = sorted(worked)
        strongest = max((lock.mode for lock in waiting), key=lambda mode: mode.strength)
        message = (
            f"all of {_listed(_table(table, sizes) for table in tables)} is worked through while "
            f"{_are([lock.table for lock in waiting])} locked against {strongest.against}"
        )
        because = (f"an earlier statement of the transaction took {strongest}",)
        found = finding("MIG104", effect.place, message, because=because, severity=_severity(tables, sizes))
        yield Judged(found, effect)
        return


def _several_tables(file: MeasuredFile) -> Iterator[Judged]:
    for effect in file.effects:
        before = [lock for lock in effect.held if lock.mode.stops_traffic]
        known = {lock.table for lock in before}
        new = [lock for lock in effect.locks if lock.mode.stops_traffic and lock.table not in known]
        if before and new:
            message = (
                f"{_are([lock.table for lock in new])} locked against {new[0].mode.against} while "
                f"{_are([lock.table for lock in before])} locked by an earlier statement of the transaction"
            )
            because = ("while it waits for the second lock, everybody waits for the first",)
            yield Judged(finding("MIG105", effect.place, message, because=because), effect)
            return


def _no_lock_timeout(file: MeasuredFile) -> Iterator[Judged]:
    if file.ready.script.timeouts.lock:
        return
    for effect in file.effects:
        locks = [lock for lock in effect.locks if lock.mode.stops_traffic]
        if locks and not effect.lock_timeout:
            tables = _listed(lock.table for lock in locks)
            message = f"the file waits without limit to lock {tables} ({locks[0].mode})"
            because = ("while it waits behind a long query, every later query waits behind it",)
            yield Judged(finding("MIG106", effect.place, message, because=because), effect)
            return


def _reasons(effect: Effect, lock: Lock | None) -> tuple[str, ...]:
    if lock is None:
        return ()
    taken = "the statement takes" if lock in effect.locks else "an earlier statement of the transaction took"
    return (f"{taken} {lock.mode}" + (f" on {lock.through}" if lock.through else ""),)


def _severity(tables: Iterable[str], sizes: Sizes) -> Severity:
    """A warning where every table is known to be small."""
    known = [sizes.of(table) for table in tables]
    small = all(size is not None and size.rows is not None and size.rows < SMALL for size in known)
    return "warning" if small else "error"


def _table(table: str, sizes: Sizes) -> str:
    size = sizes.of(table)
    return table if size is None else f"{table} ({size})"


def _listed(names: Iterable[str]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last


def _are(names: list[str]) -> str:
    return f"{_listed(names)} {'is' if len(names) == 1 else 'are'}"
