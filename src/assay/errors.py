"""Every error that Assay raises, in one tree.

::

    Error
    ├── ConfigurationError          a setting is missing or cannot be used
    ├── UsageError                  Assay was called in a way that cannot work
    │   ├── ParameterError          parameters do not fit the statement
    │   └── RowClassError           a row class does not fit the statement's columns
    ├── ConnectionFailed            no connection could be made
    │   └── ConnectionLost          a connection broke while it was in use
    ├── PoolError
    │   ├── PoolClosed              the pool does not hand out connections any more
    │   └── PoolTimeout             no connection was free within the acquire timeout
    ├── RowCountError
    │   ├── NoRows                  fetch_one found nothing
    │   └── TooManyRows             fetch_one or fetch_optional found more than one row
    ├── DecodeError                 a value does not fit the field it belongs to
    ├── DatabaseError               the server refused a statement; by SQLSTATE:
    │   ├── DataError               class 22
    │   ├── IntegrityError          class 23
    │   │   ├── NotNullViolation        23502
    │   │   ├── ForeignKeyViolation     23503
    │   │   ├── UniqueViolation         23505
    │   │   ├── CheckViolation          23514
    │   │   └── ExclusionViolation      23P01
    │   ├── TransactionError        classes 25 and 40
    │   │   ├── SerializationFailure    40001
    │   │   ├── DeadlockDetected        40P01
    │   │   └── ReadOnlyTransaction     25006
    │   ├── AuthenticationFailed    class 28
    │   ├── UndefinedDatabase       3D000
    │   ├── StatementError          class 42
    │   │   └── InsufficientPrivilege   42501
    │   ├── ResourceError           classes 53 and 54
    │   ├── LockNotAvailable        55P03
    │   └── OperatorIntervention    class 57
    │       └── QueryCanceled           57014
    ├── ServerError                 the embedded server could not do what was asked
    ├── MigrationError              a migration, its file or the ledger is not as it should be
    ├── BackupError                 a backup could not be made, kept or restored
    └── ProofError                  a proof could not be attempted

Errors from the server carry what it said: SQLSTATE, message, detail, hint, constraint, schema, table, column and the
position inside the statement. Passwords never appear in any of them.
"""

from __future__ import annotations

from typing import Any, ClassVar


class Error(Exception):
    """An error raised by Assay."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").partition("\n")[0])

    @property
    def message(self) -> str:
        """What happened, why, and what to do."""
        return str(self.args[0])


class ConfigurationError(Error):
    """A setting is missing or cannot be used."""


class UsageError(Error):
    """Assay was called in a way that cannot work."""


class ParameterError(UsageError):
    """The parameters do not fit the statement."""


class RowClassError(UsageError):
    """The row class does not fit the statement's columns."""


class ConnectionFailed(Error):
    """No connection to the server could be made."""


class ConnectionLost(ConnectionFailed):
    """The connection broke while it was in use; whether a statement under way took effect is not known."""


class PoolError(Error):
    """The pool could not hand out a connection."""


class PoolClosed(PoolError):
    """The pool is closed; open it, or stop using it after close()."""


class PoolTimeout(PoolError):
    """No connection was free within the acquire timeout."""


class RowCountError(Error):
    """The statement returned another number of rows than the call allows."""


class NoRows(RowCountError):
    """The statement returned no row; use fetch_optional if that is expected."""


class TooManyRows(RowCountError):
    """The statement returned more than one row; use fetch_all, or make it return one."""


class DecodeError(Error):
    """A value from the server does not fit the field it belongs to."""


class ServerError(Error):
    """The embedded server could not do what was asked."""


class MigrationError(Error):
    """A migration, its file or the ledger is not as it should be."""


class BackupError(Error):
    """A backup could not be made, kept or restored."""


class ProofError(Error):
    """A proof could not be attempted."""


class DatabaseError(Error):
    """The server refused the statement.

    Attributes:
        sqlstate: five characters, see the manual's appendix "PostgreSQL Error Codes"
            (https://www.postgresql.org/docs/current/errcodes-appendix.html); empty when the server gave none.
        detail, hint: the server's further words, or None.
        constraint, schema, table, column: the objects concerned, or None.
        position: where in the statement, in characters from 1, or None.
        statement: the SQL as sent, or None.
    """

    codes: ClassVar[tuple[str, ...]] = ()
    """SQLSTATE codes, or their two-character classes, that this error stands for."""

    def __init__(
        self,
        message: str | None = None,
        *,
        sqlstate: str = "",
        detail: str | None = None,
        hint: str | None = None,
        constraint: str | None = None,
        schema: str | None = None,
        table: str | None = None,
        column: str | None = None,
        position: int | None = None,
        statement: str | None = None,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.detail = detail
        self.hint = hint
        self.constraint = constraint
        self.schema = schema
        self.table = table
        self.column = column
        self.position = position
        self.statement = statement

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


class DataError(DatabaseError):
    """A value is not valid for what it is used for."""

    codes = ("22",)


class IntegrityError(DatabaseError):
    """A constraint was violated."""

    codes = ("23",)


class NotNullViolation(IntegrityError):
    """A column that must have a value was given NULL."""

    codes = ("23502",)


class ForeignKeyViolation(IntegrityError):
    """A row refers to another that does not exist, or is still referred to."""

    codes = ("23503",)


class UniqueViolation(IntegrityError):
    """Another row has this key already."""

    codes = ("23505",)


class CheckViolation(IntegrityError):
    """A value is not allowed by a CHECK constraint."""

    codes = ("23514",)


class ExclusionViolation(IntegrityError):
    """A row conflicts with another under an exclusion constraint."""

    codes = ("23P01",)


class TransactionError(DatabaseError):
    """The transaction is in the wrong state, or was rolled back by the server."""

    codes: ClassVar[tuple[str, ...]] = ("25", "40")


class SerializationFailure(TransactionError):
    """Concurrent transactions could not be put in an order; run the transaction again."""

    codes = ("40001",)


class DeadlockDetected(TransactionError):
    """Transactions waited for each other; run the transaction again."""

    codes = ("40P01",)


class ReadOnlyTransaction(TransactionError):
    """A read-only transaction tried to write."""

    codes = ("25006",)


class AuthenticationFailed(DatabaseError):
    """The server did not accept the user or the password."""

    codes = ("28",)


class UndefinedDatabase(DatabaseError):
    """The database does not exist."""

    codes = ("3D000",)


class StatementError(DatabaseError):
    """The statement is not valid: a syntax error, or something it names is not there."""

    codes = ("42",)


class InsufficientPrivilege(StatementError):
    """The role lacks a privilege that the statement needs."""

    codes = ("42501",)


class ResourceError(DatabaseError):
    """The server lacks something: connections, memory, disk, or a limit was passed."""

    codes: ClassVar[tuple[str, ...]] = ("53", "54")


class LockNotAvailable(DatabaseError):
    """A lock was not free within lock_timeout, or at once for a statement with NOWAIT."""

    codes = ("55P03",)


class OperatorIntervention(DatabaseError):
    """The server stopped the statement or the connection."""

    codes = ("57",)


class QueryCanceled(OperatorIntervention):
    """The statement was cancelled, by request or by a timeout."""

    codes = ("57014",)


def _rebuild(kind: type[DatabaseError], args: tuple[Any, ...], state: dict[str, Any]) -> DatabaseError:
    error = kind(*args)
    error.__dict__.update(state)
    return error


def _by_code(kind: type[DatabaseError]) -> dict[str, type[DatabaseError]]:
    table = dict.fromkeys(kind.codes, kind)
    for child in kind.__subclasses__():
        table |= _by_code(child)
    return table


_KINDS = _by_code(DatabaseError)


def database_error_class(sqlstate: str) -> type[DatabaseError]:
    """The class for a SQLSTATE: by its code, else by its class (the first two characters), else DatabaseError."""
    return _KINDS.get(sqlstate) or _KINDS.get(sqlstate[:2]) or DatabaseError
