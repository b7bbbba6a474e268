"""The table of calls that take SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from assay.proof.discover.libraries import LIBRARIES, Library, Owner

Wants = Literal["one", "optional", "many", "none", "any"]
Passing = Literal["spread", "packed", "later"]


@dataclass(frozen=True, slots=True)
class Surface:
    """A method of a library that takes a statement, and what its arguments mean."""

    owner: Owner
    method: str
    wants: Wants
    """How many rows the caller takes: ``one`` is exactly one, ``none`` is no result set, ``any`` is whatever comes."""
    sql: int = 0
    """Which argument by position is the statement, from 0; the parameters follow it."""
    row: int | None = None
    """Which argument by position is the row class."""
    batch: bool = False
    """Whether what follows the statement is many sets of parameters."""
    keywords: tuple[str, ...] = ("sql",)
    """The names under which the statement may be given."""
    passing: Passing = "spread"
    """Whether each parameter is an argument, all of them are one argument, or they are given to another call."""
    params: tuple[str, ...] = ()
    """The names under which parameters in one argument may be given."""
    options: frozenset[str] = frozenset()
    """Keywords that are neither, where any other is a parameter's name."""
    several: bool = False
    """Whether there may be several statements with semicolons between them, when no parameters are given."""
    table: bool = False
    """Whether the statement is the name of a table, into which rows are copied."""
    generic: bool = False
    """Whether objects of other kinds often have a method of that name."""

    @property
    def library(self) -> Library:
        """Whose method it is."""
        return LIBRARIES[self.owner]


_ASSAY = (
    Surface(Owner.ASSAY, "fetch_all", "many", sql=1, row=0),
    Surface(Owner.ASSAY, "fetch_one", "one", sql=1, row=0),
    Surface(Owner.ASSAY, "fetch_optional", "optional", sql=1, row=0),
    Surface(Owner.ASSAY, "stream", "many", sql=1, row=0, options=frozenset({"batch"})),
    Surface(Owner.ASSAY, "copy_out", "many", sql=1, row=0),
    Surface(Owner.ASSAY, "execute", "none", several=True),
    Surface(Owner.ASSAY, "execute_many", "none", batch=True),
    Surface(Owner.ASSAY, "copy_in", "any", keywords=("table",), batch=True, options=frozenset({"columns"}), table=True),
    Surface(Owner.ASSAY, "fetch_many", "many", sql=1, row=0, batch=True),
)
_ASYNCPG = (
    Surface(Owner.ASYNCPG, "execute", "any", keywords=("query",), several=True),
    Surface(Owner.ASYNCPG, "executemany", "any", keywords=("command",), batch=True),
    Surface(Owner.ASYNCPG, "fetch", "any", keywords=("query",), generic=True),
    Surface(Owner.ASYNCPG, "fetchrow", "any", keywords=("query",)),
    Surface(Owner.ASYNCPG, "fetchval", "any", keywords=("query",)),
    Surface(Owner.ASYNCPG, "fetchmany", "any", keywords=("query",), batch=True, generic=True),
    Surface(Owner.ASYNCPG, "cursor", "any", keywords=("query",), generic=True),
    Surface(Owner.ASYNCPG, "prepare", "any", keywords=("query",), passing="later", generic=True),
    Surface(Owner.ASYNCPG, "copy_from_query", "any", keywords=("query",)),
)


def _psycopg(owner: Owner, params: str, batch: str) -> tuple[Surface, ...]:
    return (
        Surface(owner, "execute", "any", keywords=("query",), passing="packed", params=(params,), several=True),
        Surface(owner, "executemany", "any", keywords=("query",), passing="packed", params=(batch,), batch=True),
    )


_PSYCOPG = (
    *_psycopg(Owner.PSYCOPG, "params", "params_seq"),
    Surface(Owner.PSYCOPG, "stream", "any", keywords=("query",), passing="packed", params=("params",), generic=True),
    *_psycopg(Owner.PSYCOPG2, "vars", "vars_list"),
)

_OPTIONS = frozenset({"bind", "bind_arguments", "clause", "execution_options", "mapper"})


def _sqlalchemy(method: str, *, generic: bool = False) -> Surface:
    return Surface(
        Owner.SQLALCHEMY,
        method,
        "any",
        keywords=("statement", "object_"),
        passing="packed",
        params=("parameters", "params"),
        options=_OPTIONS,
        several=True,
        generic=generic,
    )


DRIVER_SQL = "exec_driver_sql"
"""SQLAlchemy's method that takes a string in the driver's own style."""

_SQLALCHEMY = (
    _sqlalchemy("execute"),
    _sqlalchemy("scalar", generic=True),
    _sqlalchemy("scalars", generic=True),
    _sqlalchemy("stream", generic=True),
    _sqlalchemy("stream_scalars", generic=True),
    _sqlalchemy("exec", generic=True),
    _sqlalchemy(DRIVER_SQL),
)


def _databases(method: str, *, batch: bool = False) -> Surface:
    return Surface(
        Owner.DATABASES, method, "any", keywords=("query",), passing="packed", params=("values",), batch=batch
    )


_DATABASES = (
    _databases("fetch_all"),
    _databases("fetch_one"),
    _databases("fetch_val"),
    _databases("iterate"),
    _databases("execute"),
    _databases("execute_many", batch=True),
)

SURFACES = (*_ASSAY, *_ASYNCPG, *_PSYCOPG, *_SQLALCHEMY, *_DATABASES)


METHODS: dict[str, dict[Owner, Surface]] = {}
"""By the method's name, the surfaces of all libraries that have it."""
for _surface in SURFACES:
    METHODS.setdefault(_surface.method, {})[_surface.owner] = _surface
