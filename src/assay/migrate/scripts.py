"""A migration's file made ready to run: its statements, and what cannot be run found before anything is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assay.errors import MigrationError
from assay.migrate.model import Direction, Migration, Script
from assay.migrate.places import Place
from assay.sql.splitting import Obstacle, Statement, split_statements

_FILLERS = frozenset({"work", "transaction"})
_BEGINS = frozenset({"begin", "start"})
_COMMITS = frozenset({"commit", "end"})
_SETTING = frozenset({"set", "reset", "discard"})
_SET_CONFIG = re.compile("set_config", re.IGNORECASE)
_ROLLBACKS = frozenset({"rollback", "abort"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A migration that is about to be run in one direction."""

    migration: Migration
    direction: Direction
    statements: tuple[Statement, ...]
    cut: Place | None = None
    """The first statement that ends the transaction of the file before the file ends; None when none does."""
    changes_settings: bool = False
    """Whether it may leave the session's settings other than it found them."""

    @property
    def stepwise(self) -> bool:
        """Whether it cannot be run in one transaction."""
        return self.script.no_transaction or self.cut is not None

    @property
    def script(self) -> Script:
        """The file that is run."""
        return self.direction.script(self.migration)

    def place(self, statement: Statement) -> Place:
        """Where the first word of a statement is."""
        return _place(self.script, statement)


def make_ready(migration: Migration, direction: Direction, *, standard_conforming_strings: bool = True) -> Ready:
    """Split the file of a migration.

    One BEGIN around the whole file is the transaction that it shares with its ledger row, and is left out with its
    COMMIT. Any other statement that begins or ends a transaction makes the file one that is run stepwise.

    Raises MigrationError, with file, line and column, for what only psql understands and for transactions that are
    left open or prepared.
    """
    script = direction.script(migration)
    statements = split_statements(script.sql, standard_conforming_strings=standard_conforming_strings)
    for statement in statements:
        if statement.obstacle:
            raise MigrationError(_explain_obstacle(script, statement, statement.obstacle))
    if not script.no_transaction:
        statements = _without_own_transaction(statements)
    controls = [statement for statement in statements if controls_transaction(statement)]
    _check_transactions(script, controls)
    cut = _place(script, controls[0]) if controls and not script.no_transaction else None
    changes = _changes_settings(script, statements, stepwise=script.no_transaction or cut is not None)
    return Ready(migration, direction, statements, cut, changes)


def _changes_settings(script: Script, statements: Sequence[Statement], *, stepwise: bool) -> bool:
    if stepwise and script.timeouts:
        return True
    return _SET_CONFIG.search(script.sql) is not None or any(
        _SETTING.intersection(statement.words[:1]) for statement in statements
    )


def controls_transaction(statement: Statement) -> bool:
    """Whether a statement begins or ends a transaction; savepoints do not."""
    words = _without_fillers(statement.words)
    match words[:2]:
        case ("prepare", "transaction"):
            return True
        case (first, "to") if first in _ROLLBACKS:
            return False
        case (first, *_):
            return first in _BEGINS | _COMMITS | _ROLLBACKS
        case _:
            return False


def commits(statement: Statement) -> bool:
    """Whether a statement is COMMIT or END."""
    return statement.words[:1] in {(word,) for word in _COMMITS}


def _without_own_transaction(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    plain = [statement for statement in statements if controls_transaction(statement)]
    wrapped = len(statements) > 1 and plain == [statements[0], statements[-1]]
    if wrapped and _plainly(statements[0], _BEGINS) and _plainly(statements[-1], _COMMITS):
        return tuple(statements[1:-1])
    return tuple(statements)


def _check_transactions(script: Script, controls: Iterable[Statement]) -> None:
    """Refuse what prepares a transaction, and in a file that has none around it, what leaves one open."""
    begun: Statement | None = None
    for statement in controls:
        if statement.words[0] == "prepare":
            raise MigrationError(
                f"{_place(script, statement)}: PREPARE TRANSACTION cannot be part of a migration; use COMMIT"
            )
        goes_on = statement.words[0] in _BEGINS or statement.words[-2:] == ("and", "chain")
        begun = statement if goes_on else None
    if begun is not None and script.no_transaction:
        raise MigrationError(f"{_place(script, begun)}: the transaction that begins here is not ended; add COMMIT")


def _plainly(statement: Statement, words: frozenset[str]) -> bool:
    """Whether a statement is one of those words, with nothing asked for besides."""
    return statement.words[0] in words and _FILLERS.issuperset(statement.words[1:])


def _without_fillers(words: tuple[str, ...]) -> tuple[str, ...]:
    if words[:1] == ("prepare",):
        return words
    return tuple(word for position, word in enumerate(words) if position != 1 or word not in _FILLERS)


def _place(script: Script, statement: Statement) -> Place:
    return Place.of(script, statement.start + statement.lead)


def _explain_obstacle(script: Script, statement: Statement, obstacle: Obstacle) -> str:
    at = statement.start + statement.obstacle_at
    place = Place.of(script, at)
    if obstacle is Obstacle.BACKSLASH:
        word = script.sql[at:].split(maxsplit=1)[0][:30]
        return f"{place}: {word} is a command of psql, which the server does not know; take it out of the migration"
    if "stdin" in statement.words:
        return (
            f"{place}: COPY FROM STDIN takes its rows from psql, not from the file; "  # noqa: S608 - words, no query
            "write them as INSERT ... VALUES (pg_dump --inserts does)"
        )
    return f"{place}: COPY TO STDOUT gives its rows to nobody here; take it out of the migration"
