"""A project's queries on the schema after each of several migrations, proven in one go.

One database has the migrations one after the other. The code is read and imported once, and a statement is described
again only where a migration touches what its words lead to; the others keep the answers that they had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import asyncpg

from assay.config import DatabaseUrl, Settings
from assay.migrate import Migration, run
from assay.migrate.files import fingerprint
from assay.proof.answers import Answer, Answers, answers_of
from assay.proof.basis import Basis
from assay.proof.brought import brought
from assay.proof.described import Proven, described_calls
from assay.proof.description import Description
from assay.proof.discover.model import Discovery
from assay.proof.findings import Finding
from assay.proof.guard import Guard
from assay.proof.project import Checked, check_each
from assay.proof.shrinking import StoredColumn, column_rows, columns_of, whole
from assay.proof.touched import Look, Touched, is_odd, look_at, touched, words_of
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.server.databases import drop_database, maintenance
from assay.sql.placeholders import Statement
from assay.sql.quoting import quote_identifier


def brought_by_steps(
    settings: Settings,
    database: DatabaseUrl,
    steps: Sequence[Sequence[Migration]],
    discovery: Discovery,
    guard: Guard | None = None,
) -> list[tuple[Finding, ...]]:
    """What each step but the first brings to the code that the ones before it did not.

    Args:
        settings: of the project.
        database: is made anew for this, and left behind.
        steps: the migrations that each runs.
        discovery: what was found in the project's files.
        guard: what the project's code runs under.

    Raises MigrationError for a migration that cannot run, and what ``assay check`` raises.
    """
    with asyncio.Runner() as runner:
        evolving = Evolving(database)
        runner.run(evolving.begin())
        try:
            schemas, done = [], list[Migration]()
            for step in steps:
                done = sorted([*done, *step], key=lambda migration: migration.version)
                schemas.append(_schema(runner, evolving, tuple(done)))
            stages = _stages(evolving, check_each(settings, schemas, discovery=discovery, guard=guard))
            return [brought(here, there, before, after) for (here, before), (there, after) in pairwise(stages)]
        finally:
            runner.run(evolving.end())


def _schema(
    runner: asyncio.Runner, evolving: Evolving, migrations: tuple[Migration, ...]
) -> Callable[[Sequence[Statement]], Answers]:
    return lambda statements: runner.run(evolving.after(migrations, statements))


def _stages(evolving: Evolving, each: Iterable[Checked]) -> Iterator[tuple[Proven, dict[str, StoredColumn]]]:
    """The project on each schema, and what the columns take there."""
    for checked in each:
        yield Proven(checked.report, described_calls(checked.verdicts)), evolving.columns


@dataclass(slots=True)
class Evolving:
    """A database that has one migration after the other, and what is known of statements on it."""

    url: DatabaseUrl
    columns: dict[str, StoredColumn] = field(default_factory=dict)
    """What the columns take of the relations that the statements name, by ``schema.table.column``."""
    asked: list[int] = field(default_factory=list)
    """How many statements the server was asked for, each time."""
    _look: Look | None = None
    _known: dict[str, Answer] = field(default_factory=dict)
    _migrating: DriverConnection | None = None
    """Has all migrations: settings of the database that one makes are not for the session that the next runs in."""

    async def begin(self) -> None:
        """Make the database, empty, one of its name being dropped; ``end`` lets go of it."""
        name = self.url.database or ""
        await drop_database(self.url, force=True)
        async with maintenance(self.url, besides=name) as server:
            await server.execute(f"create database {quote_identifier(name)} template template0")
        self._migrating = await open_connection(self.url)

    async def end(self) -> None:
        """Close the connection that migrates; the database stays."""
        if self._migrating is not None:
            with suppress(*DRIVER_ERRORS):
                await self._migrating.close(timeout=5)

    async def after(self, migrations: tuple[Migration, ...], statements: Sequence[Statement]) -> Answers:
        """Run what of the migrations has not been run, and answer statements on the schema that there is then."""
        await run(self._migrating or self.url, migrations)
        texts = list(dict.fromkeys(statement.text for statement in statements))
        rows = await self._look_again(texts)
        relations = set(map(whole, rows))
        missing = [text for text in (*texts, *sorted(relations)) if text not in self._known]
        version, found = await answers_of(self.url, missing)
        self.asked.append(len(missing))
        self._known |= found
        described = {text: self._known[text] for text in relations}
        lists = {text: each for text, each in described.items() if isinstance(each, Description)}
        self.columns = dict(columns_of(rows, lists))
        by_sql = {statement.source: self._known[statement.text] for statement in statements}
        return Answers(Basis(version, fingerprint(migrations), len(migrations)), by_sql)

    async def _look_again(self, texts: Sequence[str]) -> list[asyncpg.Record]:
        """Forget what is touched; gives the columns of the relations that the statements may name."""
        connection = await open_connection(self.url)
        try:
            now, rows = await look_at(connection), await column_rows(connection)
        finally:
            await connection.close()
        change = touched(self._look, now) if self._look is not None else Touched(frozenset(), everything=True)
        self._known = {text: answer for text, answer in self._known.items() if not change.reaches(text)}
        self._look = now
        words = words_of(" ".join(texts))
        everywhere = any(map(is_odd, texts))
        return [row for row in rows if everywhere or not words.isdisjoint(words_of(row["relation"]))]
