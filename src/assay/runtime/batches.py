"""A statement run for many rows of arguments, in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg

from assay.errors import UsageError
from assay.runtime.building import Builder, build
from assay.runtime.connecting import DriverConnection
from assay.runtime.dynamic import DynamicQuery, query_for
from assay.runtime.given_rows import GivenRows, Values, Wanted, source_errors
from assay.runtime.query import Fitted, Query
from assay.runtime.receiving import Tally
from assay.runtime.session import Session

R = TypeVar("R")

CANCEL_TIMEOUT = 2.0
"""Seconds that a cancelled batch has to end in; then the connection is cut."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A statement with rows of arguments."""

    query: Query
    rows: Iterable[Any]
    given: GivenRows = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", GivenRows(_wanted(self.query)))

    def arguments(self, prepared: Fitted) -> Iterator[Values]:
        """The arguments of each execution, in the form that the driver takes."""
        tuples = self.given.tuples(self.rows)
        return self.given.encoded(tuples, prepared) if prepared.encodes else tuples


def batch(sql: str, rows: Iterable[Any]) -> Batch:
    """The batch that a call asks for. Raises UsageError when that cannot be one."""
    query = query_for(sql)
    if isinstance(query, DynamicQuery):
        raise UsageError("A statement with [[ ]] or {name} in it may differ from row to row; run it for each row")
    if isinstance(rows, (str, bytes)) or not isinstance(rows, Iterable):
        raise UsageError(f"The rows are a {type(rows).__name__}; give a list or a generator of rows")
    return Batch(query, rows)


def _wanted(query: Query) -> Wanted:
    statement = query.statement
    count = statement.parameter_count
    shown = [statement.shown(index) for index in range(count)]
    places = f"the parameters {', '.join(shown)}" if shown else "a statement without parameters"
    return Wanted(statement.names, count, places, by_position=not statement.names)


async def run_batch(session: Session, batch: Batch) -> int:
    """Run a batch, all of it or nothing; the rows affected, as the server counts them for each execution."""
    with source_errors():
        async with session.using(batch.query) as driver:
            prepared = await session.prepared(batch.query)
            await _between_answers(session, driver)
            with session.receiver.tally() as tally:
                await _sent(session, batch, tally, prepared.statement.executemany(batch.arguments(prepared)))
            return tally.rows


async def fetch_batch(session: Session, batch: Batch, row: Any) -> list[Any]:
    """Run a batch, all of it or nothing; the rows that the executions returned, in the order of what was given."""
    with source_errors():
        async with session.using(batch.query) as driver:
            prepared = await session.prepared(batch.query)
            await _between_answers(session, driver)
            builder: Builder = prepared.layout.builder(row)
            with session.receiver.tally() as tally:
                records = await _sent(session, batch, tally, prepared.statement.fetchmany(batch.arguments(prepared)))
    found: list[asyncpg.Record] = records or []
    return build(builder, found)


async def _between_answers(session: Session, driver: DriverConnection) -> None:
    """See to it that messages can be told from each other, which they almost always can."""
    if not session.receiver.can_tally:
        await driver.execute("select 1")


async def _sent(session: Session, batch: Batch, tally: Tally, sending: Awaitable[R]) -> R:
    try:
        return await _cancellable(session, batch.given, sending)
    except asyncpg.PostgresError as error:
        if error.severity is not None and tally.commands < batch.given.number:  # else it is about all of them
            error.args = (f"{error.args[0]}, in row {tally.commands + 1}",)
        raise


async def _cancellable(session: Session, given: GivenRows, sending: Awaitable[R]) -> R:
    """Wait for a batch; when the task is cancelled, see to it that the batch ends."""
    task = asyncio.ensure_future(sending)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_seen)
        task.cancel()
        if given.number and not given.is_finished:
            session.terminate()  # or the driver would wait for a server that waits for the rest of the batch
        try:
            await asyncio.wait({task}, timeout=CANCEL_TIMEOUT)
        finally:
            if not task.done():
                session.terminate()
        raise


def _seen(task: asyncio.Future[Any]) -> None:
    """Take note of how it ended, which does not matter any more."""
    if not task.cancelled():
        task.exception()
