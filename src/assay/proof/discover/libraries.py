"""The libraries that run SQL on PostgreSQL, and how their objects are recognised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from assay.sql.styles import Style

Binding = Literal["prepared", "typed", "written"]


class Owner(Enum):
    """Whose object it is that a method is called of."""

    ASSAY = "assay"
    ASYNCPG = "asyncpg"
    PSYCOPG = "psycopg"
    PSYCOPG2 = "psycopg2"
    SQLALCHEMY = "sqlalchemy"
    DATABASES = "databases"
    OTHER = "another library's, or the project's own"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Library:
    """A library that runs SQL on PostgreSQL."""

    owner: Owner
    packages: frozenset[str]
    """Where its objects come from, by the first part of the dotted name."""
    classes: frozenset[str]
    """The classes that have its methods."""
    makers: frozenset[str]
    """Functions, of modules or classes, that return such an object, or a function that does."""
    gives: frozenset[str]
    """Methods and attributes of such objects that are such objects again, once awaited or entered."""
    style: Style
    binding: Binding = "prepared"
    """How values reach the server: as parameters of the types that it chose, of types that the driver chose, or
    written into the statement."""
    surplus: bool = False
    """Whether values may be given by names that the statement does not have."""


LIBRARIES = {
    library.owner: library
    for library in (
        Library(
            Owner.ASSAY,
            packages=frozenset({"assay"}),
            classes=frozenset({"Connection", "Executor", "Pool", "Transaction"}),
            makers=frozenset({"connect", "open"}),
            gives=frozenset({"acquire", "begin", "connection", "savepoint", "transaction", "__aenter__"}),
            style=Style.ASSAY,
        ),
        Library(
            Owner.ASYNCPG,
            packages=frozenset({"asyncpg"}),
            classes=frozenset({"Connection", "Pool", "PoolConnectionProxy"}),
            makers=frozenset({"connect", "create_pool"}),
            gives=frozenset({"acquire", "__aenter__"}),
            style=Style.NUMBERED,
        ),
        Library(
            Owner.PSYCOPG,
            packages=frozenset({"psycopg", "psycopg_pool"}),
            classes=frozenset({
                "AsyncClientCursor", "AsyncConnection", "AsyncConnectionPool", "AsyncCursor", "AsyncNullConnectionPool",
                "AsyncRawCursor", "AsyncRawServerCursor", "AsyncServerCursor", "ClientCursor", "Connection",
                "ConnectionPool", "Cursor", "NullConnectionPool", "RawCursor", "RawServerCursor", "ServerCursor",
            }),
            makers=frozenset({"connect"}),
            gives=frozenset({"connection", "cursor", "execute", "getconn", "__aenter__", "__enter__"}),
            style=Style.FORMAT,
            binding="typed",
            surplus=True,
        ),
        Library(
            Owner.PSYCOPG2,
            packages=frozenset({"psycopg2"}),
            classes=frozenset({
                "DictConnection", "DictCursor", "LoggingConnection", "LoggingCursor", "NamedTupleConnection",
                "NamedTupleCursor", "PersistentConnectionPool", "RealDictConnection", "RealDictCursor",
                "SimpleConnectionPool", "ThreadedConnectionPool", "connection", "cursor",
            }),
            makers=frozenset({"connect"}),
            gives=frozenset({"cursor", "getconn", "__enter__"}),
            style=Style.WRITTEN,
            binding="written",
            surplus=True,
        ),
        Library(
            Owner.SQLALCHEMY,
            packages=frozenset({"flask_sqlalchemy", "sqlalchemy", "sqlmodel"}),
            classes=frozenset({
                "AsyncConnection", "AsyncEngine", "AsyncSession", "Connection", "Engine", "SQLAlchemy", "Session",
                "async_scoped_session", "async_sessionmaker", "scoped_session", "sessionmaker",
            }),
            makers=frozenset({"create_async_engine", "create_engine", "engine_from_config"}),
            gives=frozenset({
                "begin", "bind", "connect", "connection", "engine", "execution_options", "get_bind", "session",
                "sync_connection", "sync_engine", "sync_session", "__aenter__", "__enter__",
            }),
            style=Style.COLON,
            binding="typed",
            surplus=True,
        ),
        Library(
            Owner.DATABASES,
            packages=frozenset({"databases"}),
            classes=frozenset({"Database"}),
            makers=frozenset(),
            gives=frozenset({"connection", "__aenter__"}),
            style=Style.COLON,
            binding="typed",
        ),
    )
}  # fmt: skip
"""By owner, in the order in which they are taken for an object that is not known."""

PACKAGES = {package: library for library in LIBRARIES.values() for package in library.packages}
"""The libraries by the packages they are in."""

OTHER_LIBRARIES = frozenset({
    "aiomysql", "aiopg", "aiosqlite", "alembic", "apsw", "asyncmy", "cassandra", "clickhouse_connect",
    "clickhouse_driver", "cx_Oracle", "django", "duckdb", "mariadb", "mysql", "oracledb", "peewee", "pg8000",
    "piccolo", "psqlpy", "pymssql", "pymysql", "pyodbc", "snowflake", "sqlite3", "tortoise", "trino",
})  # fmt: skip
"""Packages with an ``execute`` of their own, whose SQL is not looked at."""
