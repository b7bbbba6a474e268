"""The table of calls that take SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Wants = Literal["one", "optional", "many", "none"]


@dataclass(frozen=True, slots=True)
class Surface:
    """A method of a library that takes a statement, and what its arguments mean."""

    library: str
    """The package that defines it."""
    method: str
    wants: Wants
    """How many rows the caller takes: ``one`` is exactly one, ``none`` is no result set."""
    sql: int
    """Which argument by position is the statement, from 0; the parameters follow it."""
    row: int | None = None
    """Which argument by position is the row class."""
    batch: bool = False
    """Whether what follows the statement is many sets of parameters."""


SURFACES = (
    Surface("assay", "fetch_all", "many", sql=1, row=0),
    Surface("assay", "fetch_one", "one", sql=1, row=0),
    Surface("assay", "fetch_optional", "optional", sql=1, row=0),
    Surface("assay", "stream", "many", sql=1, row=0),
    Surface("assay", "copy_out", "many", sql=1, row=0),
    Surface("assay", "execute", "none", sql=0),
    Surface("assay", "execute_many", "none", sql=0, batch=True),
)

METHODS = {surface.method: surface for surface in SURFACES}

EXECUTORS = frozenset({"Connection", "Executor", "Pool", "Transaction"})
"""The classes of Assay that have these methods."""

OTHER_LIBRARIES = frozenset({
    "aiomysql", "aiopg", "aiosqlite", "apsw", "asyncmy", "asyncpg", "cassandra", "clickhouse_connect",
    "clickhouse_driver", "cx_Oracle", "databases", "django", "duckdb", "encode", "mariadb", "mysql", "oracledb",
    "peewee", "pg8000", "piccolo", "psqlpy", "psycopg", "psycopg2", "pymssql", "pymysql", "pyodbc", "snowflake",
    "sqlalchemy", "sqlite3", "sqlmodel", "tortoise", "trino",
})  # fmt: skip
"""Packages with an ``execute`` of their own: what they return is not Assay's."""
