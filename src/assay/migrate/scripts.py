"""A migration's file made ready to run: its statements, and what cannot be run found before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay.errors import MigrationError
from assay.migrate.model import Direction, Migration, Script
from assay.migrate.places import Place
from assay.sql.splitting import Obstacle, Statement, split_statements

_FILLERS = frozenset({"work", "transaction"})
_BEGINS = frozenset({"begin", "start"})
_COMMITS = frozenset({"commit", "end"})
_ROLLBACKS = frozenset({"rollback", "abort"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A migration that is about to be run in one direction."""

    migration: Migration
    direction: Direction
    statements: tuple[Statement, ...]

    @property
    def script(self) -> Script:
        """The file that is run."""
        return self.direction.script(self.migration)

    def place(self, statement: Statement) -> Place:
        """Where the first word of a statement is."""
        return Place.of(self.script, statement.start + statement.lead)

    @property
    def changes_settings(self) -> bool:
        """Whether it may leave the session's settings other than it found them."""
        return any(statement.words[:1] == ("set",) for statement in self.statements) or (
            "set_config" in self.script.sql.lower()
        )


def make_ready(migration: Migration, direction: Direction, *, standard_conforming_strings: bool = True) -> Ready:
    """Split the file of a migration.

    Raises MigrationError, with file, line and column, for what only psql understands, and for statements that would
    end the transaction that the file and its ledger row share. One BEGIN around the whole file is that very
    transaction, and is left out with its COMMIT.
    """
    script = direction.script(migration)
    statements = split_statements(script.sql, standard_conforming_strings=standard_conforming_strings)
    for statement in statements:
        if statement.obstacle:
            raise MigrationError(_explain_obstacle(script, statement, statement.obstacle))
    if not script.no_transaction:
        statements = _without_own_transaction(statements)
        for statement in statements:
            if controls_transaction(statement):
                raise MigrationError(_explain_control(script, statement))
    elif prepared := next((each for each in statements if each.words[:2] == ("prepare", "transaction")), None):
        place = Place.of(script, prepared.start + prepared.lead)
        raise MigrationError(f"{place}: PREPARE TRANSACTION cannot be part of a migration; use COMMIT")
    return Ready(migration, direction, statements)


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


def _plainly(statement: Statement, words: frozenset[str]) -> bool:
    """Whether a statement is one of those words, with nothing asked for besides."""
    return statement.words[0] in words and _FILLERS.issuperset(statement.words[1:])


def _without_fillers(words: tuple[str, ...]) -> tuple[str, ...]:
    if words[:1] == ("prepare",):
        return words
    return tuple(word for position, word in enumerate(words) if position != 1 or word not in _FILLERS)


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


def _explain_control(script: Script, statement: Statement) -> str:
    place = Place.of(script, statement.start + statement.lead)
    return (
        f"{place}: {statement.words[0].upper()} would cut the transaction that the file and its row in the ledger "
        "share; take it out, or begin the file with the line -- no-transaction to run it statement by statement"
    )
