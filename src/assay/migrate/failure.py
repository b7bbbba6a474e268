"""What is said when a statement of a migration fails: where, what the server said, and what is left of it."""

from __future__ import annotations

import asyncpg

from assay.catalog.extensions import missing_extension
from assay.errors import ConnectionLost, Error, MigrationError, UniqueViolation
from assay.migrate.ledger import TABLE
from assay.migrate.places import Place
from assay.migrate.scripts import Ready
from assay.runtime.connecting import translate
from assay.sql.splitting import Statement

_HINTS = {
    "55P03": "another session has a lock that is in the way, most likely the one with the oldest transaction: "
    "select pid, xact_start, query from pg_stat_activity where xact_start is not null order by xact_start",
}
"""By SQLSTATE, for errors that PostgreSQL leaves without a hint."""


def statement_failed(
    ready: Ready, number: int, statement: Statement, error: Exception, remains: str, *, ahead: int = 0
) -> Error:
    """The error for a statement that the server refused, or during which the connection broke.

    Args:
        ready: the migration.
        number: which of its statements, from 1.
        statement: that statement.
        error: what the driver raised.
        remains: a sentence on what the failure leaves behind.
        ahead: how many characters were sent ahead of the statement in the same message.
    """
    if not isinstance(error, asyncpg.PostgresError) or error.severity is None:
        lost = translate(error)
        where = f"{ready.place(statement)}: {lost} (statement {number} of {len(ready.statements)}). {remains}"
        return type(lost)(where) if isinstance(lost, ConnectionLost) else MigrationError(where)
    place = _place(ready, statement, error, ahead)
    count = f", statement {number} of {len(ready.statements)}" if len(ready.statements) > 1 else ""
    lines = [
        f"{place}: {_message(error)} (SQLSTATE {error.sqlstate}{count})",
        place.excerpt(),
        *(f"  {label}: {text}" for label, text in _further(error)),
        remains,
    ]
    return MigrationError("\n".join(lines))


def commit_failed(ready: Ready, error: Exception, remains: str) -> Error:
    """The error for a transaction whose end the server refused, such as for a deferred constraint."""
    cause = translate(error)
    path = ready.script.path
    if isinstance(cause, ConnectionLost):
        return ConnectionLost(f"{path}: {cause}. Run the command again: it finds out what took effect")
    if isinstance(cause, UniqueViolation) and cause.table == TABLE:
        return MigrationError(
            f"{path}: version {ready.migration.version} was applied at the same time by a migrator that takes no lock, "
            f"as the sqlx command line does; run the command again\n{remains}"
        )
    return MigrationError(f"{path}: at the end of the transaction: {cause}\n{remains}")


def _place(ready: Ready, statement: Statement, error: asyncpg.PostgresError, ahead: int) -> Place:
    """Where the server points to, in characters of the statement from 1; the statement's first word if nowhere."""
    if not error.position:
        return ready.place(statement)
    return Place.of(ready.script, statement.start + int(error.position) - 1 - ahead)


def _message(error: asyncpg.PostgresError) -> str:
    return " ".join(str(error.args[0]).split()) if error.args else type(error).__name__


def _further(error: asyncpg.PostgresError) -> list[tuple[str, str]]:
    inner = " ".join(error.internal_query.split())[:200] if error.internal_query else None
    hint = missing_extension(error.sqlstate, _message(error)) or error.hint or _HINTS.get(error.sqlstate or "")
    parts = [("detail", error.detail), ("hint", hint), ("in the query", inner), ("in", error.context)]
    return [(label, text.partition("\n")[0]) for label, text in parts if text]
