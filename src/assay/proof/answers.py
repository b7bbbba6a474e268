"""Answers about many statements, from a server or from the offline cache."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from assay.config import DatabaseUrl, Settings
from assay.errors import DatabaseError, OperatorIntervention, StatementError
from assay.proof.basis import Basis, find_schema, fingerprint_of, read_migrations
from assay.proof.cache import Cache, file_name
from assay.proof.description import Description
from assay.proof.memory import Kept, Memory
from assay.sql.placeholders import Statement

if TYPE_CHECKING:
    from assay.runtime.connecting import DriverConnection

CONNECTIONS = 2
"""How many connections describe at once; describing keeps one server process busy, hardly this one."""


_IS_BARE = """
select not exists (
    select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
)
"""


@dataclass(frozen=True, slots=True)
class NotKept:
    """The offline cache has no file for the statement."""

    file: str


@dataclass(frozen=True, slots=True)
class Stale:
    """The statement's file in the offline cache was written for other migrations."""

    file: str


Answer = Description | DatabaseError | NotKept | Stale

Progress = Callable[[int, int], None]
"""Is told how many statements are described, of how many."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known about each statement, by its text as in the code."""

    basis: Basis
    by_sql: dict[str, Answer]


async def answers_from_server(
    settings: Settings,
    statements: Iterable[Statement],
    server: DatabaseUrl | None = None,
    progress: Progress | None = None,
) -> Answers:
    """Describe statements on the project's schema; what PostgreSQL refuses is answered with its error.

    On the embedded server a statement is described once for each state of the migrations: where all answers are
    remembered, no server is started.

    Raises ServerError, MigrationError, ConnectionFailed and the like when there is no schema to be had.
    """
    wanted = {statement.source: statement for statement in statements}
    memory = _memory(settings) if server is None else None
    kept = memory.read(statement.text for statement in wanted.values()) if memory is not None else Kept()
    missing = [statement for statement in wanted.values() if statement.text not in kept.descriptions]
    by_sql: dict[str, Answer] = {
        source: kept.descriptions[statement.text]
        for source, statement in wanted.items()
        if statement.text in kept.descriptions
    }
    if not missing and memory is not None:
        return Answers(_remembered_basis(settings, kept), by_sql)
    basis, found = await _ask(settings, missing, server, progress)
    if memory is not None:
        texts = {statement.text: found[statement.source] for statement in missing}
        memory.add(basis.server_version, kept, {t: d for t, d in texts.items() if isinstance(d, Description)})
    return Answers(basis, by_sql | found)


def _memory(settings: Settings) -> Memory | None:
    """Where answers on the embedded server are kept; None where the schema does not come from migrations."""
    migrations = read_migrations(settings)
    if not migrations:
        return None
    from assay.server import Server

    embedded = Server.locate(settings.server)
    return Memory(embedded.layout.home, embedded.programs(), fingerprint_of(migrations))


def _remembered_basis(settings: Settings, kept: Kept) -> Basis:
    migrations = read_migrations(settings)
    return Basis(kept.server_version, fingerprint_of(migrations), len(migrations))


async def _ask(
    settings: Settings, statements: list[Statement], server: DatabaseUrl | None, progress: Progress | None
) -> tuple[Basis, dict[str, Answer]]:
    schema = await find_schema(settings, server)
    version, found = await answers_of(schema.url, [statement.text for statement in statements], progress)
    basis = schema.basis(version, bare=not schema.migrations and await _is_bare(schema.url))
    return basis, {statement.source: found[statement.text] for statement in statements}


async def _is_bare(url: DatabaseUrl) -> bool:
    from assay.runtime.connecting import open_connection

    connection = await open_connection(url)
    try:
        bare: bool = await connection.fetchval(_IS_BARE)
    finally:
        await connection.close()
    return bare


async def answers_of(
    url: DatabaseUrl, texts: Iterable[str], progress: Progress | None = None
) -> tuple[str, dict[str, Answer]]:
    """The server's version, and what it says of statements, by their text; on several connections for many."""
    from assay.runtime.connecting import open_connection

    wanted = list(dict.fromkeys(texts))
    workers = max(1, min(CONNECTIONS, len(wanted) // 20))
    connections = [await open_connection(url) for _ in range(workers)]
    try:
        version = await connections[0].fetchval("show server_version")
        done = count(1)

        def described() -> None:
            if progress is not None:
                progress(next(done), len(wanted))

        parts = (_describe(connection, wanted[n::workers], described) for n, connection in enumerate(connections))
        found = await asyncio.gather(*parts)
    finally:
        for connection in connections:
            await connection.close()
    return version.partition(" ")[0], {text: answer for part in found for text, answer in part.items()}


async def _describe(connection: DriverConnection, texts: list[str], described: Callable[[], None]) -> dict[str, Answer]:
    from assay.catalog.reader import Catalog
    from assay.proof.describe import describe

    catalog = Catalog(connection.get_server_version().major)
    found: dict[str, Answer] = {}
    for text in texts:
        unsendable = _unsendable(text)
        try:
            found[text] = unsendable or await describe(connection, text, catalog=catalog)
        except OperatorIntervention:
            raise
        except DatabaseError as error:
            found[text] = error
        described()
    return found


_NEVER_TEXT = re.compile("[\0\ud800-\udfff]")


def _unsendable(text: str) -> StatementError | None:
    """The refusal of a text that the protocol cannot carry."""
    found = _NEVER_TEXT.search(text)
    if found is None:
        return None
    what = "a NUL character" if found[0] == "\0" else "half of a surrogate pair"
    return StatementError(f"the statement has {what} in it", position=found.start() + 1, statement=text)


def answers_from_cache(settings: Settings, statements: Iterable[Statement]) -> Answers:
    """Read the answers that ``assay prepare`` kept; no server is asked, and the driver is not loaded.

    Raises ProofError for a file that cannot be read, MigrationError for migrations that cannot.
    """
    migrations = read_migrations(settings)
    wanted = fingerprint_of(migrations)
    cache = Cache(settings.root)
    by_sql: dict[str, Answer] = {}
    versions: set[str] = set()
    for statement in statements:
        entry = cache.read(statement.source)
        if entry is None:
            by_sql[statement.source] = NotKept(file_name(statement.source))
        elif entry.fingerprint != wanted:
            by_sql[statement.source] = Stale(file_name(statement.source))
        else:
            by_sql[statement.source] = entry.description
            versions.add(entry.server_version)
    return Answers(Basis(max(versions, default=""), wanted, len(migrations), offline=True), by_sql)
