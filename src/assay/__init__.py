"""PostgreSQL for Python, every query proven before it runs.

Names are loaded when they are first used, so that ``assay --version`` does not pay for the driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from assay._version import __version__

if TYPE_CHECKING:
    from assay import migrate as migrate
    from assay import proof as proof
    from assay import sync as sync
    from assay.errors import (
        AuthenticationFailed,
        BackupError,
        CheckViolation,
        ConfigurationError,
        ConnectionFailed,
        ConnectionLost,
        DatabaseError,
        DataError,
        DeadlockDetected,
        DecodeError,
        Error,
        ExclusionViolation,
        ForeignKeyViolation,
        InsufficientPrivilege,
        IntegrityError,
        LockNotAvailable,
        MigrationError,
        NoRows,
        NotNullViolation,
        OperatorIntervention,
        ParameterError,
        PoolClosed,
        PoolError,
        PoolTimeout,
        ProofError,
        QueryCanceled,
        ReadOnlyTransaction,
        ResourceError,
        RowClassError,
        RowCountError,
        SerializationFailure,
        ServerError,
        StatementError,
        TooManyRows,
        TransactionError,
        UndefinedDatabase,
        UniqueViolation,
        UsageError,
    )
    from assay.runtime.attempts import Attempts
    from assay.runtime.connection import Connection, connect
    from assay.runtime.executor import Executor
    from assay.runtime.listening import Gap, Listener, Notification
    from assay.runtime.pool import Pool, PoolStats
    from assay.runtime.replicas.options import Replicas
    from assay.runtime.replicas.position import Position
    from assay.runtime.replicas.stats import MemberStats
    from assay.runtime.streaming import Stream
    from assay.runtime.transaction import Transaction
    from assay.sql.files import sql_file
    from assay.sql.omit import OMIT, Omitted

__all__ = [  # noqa: RUF022 - as sorted() has it, which knows no constants
    "Attempts",
    "AuthenticationFailed",
    "BackupError",
    "CheckViolation",
    "ConfigurationError",
    "Connection",
    "ConnectionFailed",
    "ConnectionLost",
    "DataError",
    "DatabaseError",
    "DeadlockDetected",
    "DecodeError",
    "Error",
    "ExclusionViolation",
    "Executor",
    "ForeignKeyViolation",
    "Gap",
    "InsufficientPrivilege",
    "IntegrityError",
    "Listener",
    "LockNotAvailable",
    "MemberStats",
    "MigrationError",
    "NoRows",
    "NotNullViolation",
    "Notification",
    "OMIT",
    "Omitted",
    "OperatorIntervention",
    "ParameterError",
    "Pool",
    "PoolClosed",
    "PoolError",
    "PoolStats",
    "PoolTimeout",
    "Position",
    "ProofError",
    "QueryCanceled",
    "ReadOnlyTransaction",
    "Replicas",
    "ResourceError",
    "RowClassError",
    "RowCountError",
    "SerializationFailure",
    "ServerError",
    "StatementError",
    "Stream",
    "TooManyRows",
    "Transaction",
    "TransactionError",
    "UndefinedDatabase",
    "UniqueViolation",
    "UsageError",
    "__version__",
    "connect",
    "sql_file",
]

_ROOMS = {
    "OMIT": "assay.sql.omit",
    "Connection": "assay.runtime.connection",
    "Executor": "assay.runtime.executor",
    "MemberStats": "assay.runtime.replicas.stats",
    "Omitted": "assay.sql.omit",
    "Pool": "assay.runtime.pool",
    "PoolStats": "assay.runtime.pool",
    "Position": "assay.runtime.replicas.position",
    "Replicas": "assay.runtime.replicas.options",
    "Transaction": "assay.runtime.transaction",
    "connect": "assay.runtime.connection",
    "sql_file": "assay.sql.files",
    "Attempts": "assay.runtime.attempts",
    "Gap": "assay.runtime.listening",
    "Listener": "assay.runtime.listening",
    "Notification": "assay.runtime.listening",
    "Stream": "assay.runtime.streaming",
}
_MODULES = frozenset({"migrate", "proof", "sync"})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"assay.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    value = getattr(import_module(_ROOMS.get(name, "assay.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
