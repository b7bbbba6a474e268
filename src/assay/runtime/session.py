"""One session on the server: a driver connection, and what has to be known before somebody else uses it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NoReturn

import asyncpg
from asyncpg.cursor import Cursor

from assay.errors import ConnectionLost, DecodeError, Error, ParameterError, UsageError
from assay.runtime.building import Builder
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, translate
from assay.runtime.query import NO_ROWS, Prepared, Query
from assay.runtime.receiving import Receiver
from assay.runtime.redacting import redacted, unfit_argument
from assay.runtime.reports import Report
from assay.runtime.textarrays import prepare
from assay.sql.footprint import Footprint

MAX_PREPARED = 1000
"""Statements kept prepared in one session; the oldest is dropped for a new one."""

RESET = """
select pg_catalog.pg_advisory_unlock_all(); close all; unlisten *;
reset session authorization; reset role; reset all; discard temp; discard sequences
"""
"""Undoes what DISCARD ALL does, except that prepared statements stay: the driver relies on them."""

_DEALLOCATE = """
do $$ declare prepared text; begin
    for prepared in select name from pg_catalog.pg_prepared_statements where from_sql loop
        execute pg_catalog.format('deallocate %I', prepared);
    end loop;
end $$
"""
"""Drops what was prepared with the SQL command PREPARE; the driver prepares in another way."""

UNFIT = re.compile(
    r"(?:invalid input for )?query argument \$(?P<index>\d+)(?: in element #(?P<row>\d+) of executemany\(\) sequence)?"
    r": (?P<reason>.*)",
    re.DOTALL,
)
"""What the driver says of an argument that it cannot send; after "invalid input" the value follows."""

_STALE = (asyncpg.InvalidCachedStatementError, asyncpg.InvalidSQLStatementNameError, asyncpg.OutdatedSchemaCacheError)
"""What says that a prepared statement is not the server's any more."""


class Session:
    """A driver connection that belongs to a pool, or to nobody else.

    One task at a time may use it; what would go wrong otherwise is refused.
    """

    __slots__ = (
        *("_prepared", "copied_types", "driver", "expires_at", "idle_since", "receiver"),
        *("busy", "depth", "doomed", "footprint", "interrupted", "left_open", "lent_driver", "locks", "savepoints"),
    )

    def __init__(self, driver: DriverConnection) -> None:
        self.driver = driver
        self.receiver = Receiver(driver)
        self.busy = False
        """Whether a statement is under way."""
        self.interrupted = False
        """Whether a statement was left before its result was there, so that what the server does is not known."""
        self.footprint = Footprint.NONE
        """What statements left behind so far."""
        self.lent_driver = False
        """Whether the driver connection was given out."""
        self.depth = 0
        """How many transaction blocks are open."""
        self.doomed = False
        """Whether the open transaction holds something that ought to have been rolled back, and was not."""
        self.savepoints = 0
        """How many savepoints there have been."""
        self.locks: list[tuple[int, ...]] = []
        """The advisory locks that blocks hold."""
        self.left_open: list[Cursor[asyncpg.Record]] = []
        """Cursors that nobody fetches from any more, in a transaction that goes on."""
        self.copied_types: dict[Query, tuple[int, ...]] = {}
        """The types of the columns that were copied into, since COPY itself does not check what it is sent."""
        self.idle_since = 0.0
        self.expires_at = float("inf")
        self._prepared: dict[Query, Prepared] = {}

    @property
    def is_unsettled(self) -> bool:
        """Whether something has to be done before somebody else uses it."""
        return bool(self.footprint or self.interrupted or self.busy or self.lent_driver)

    async def fetch(
        self, query: Query, row: Any, values: tuple[object, ...]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement for its records, and find the builder of its rows before it runs."""
        if self.busy or self.interrupted:
            await self._ready()
        if query.footprint:
            self.footprint = max(self.footprint, query.footprint)
        self.busy = True
        try:
            prepared = self._prepared.get(query) or await self._prepare(query)
            builder = prepared.layout.builder(row)
            arguments = prepared.encode(values) if prepared.encodes else values
            try:
                return builder, await prepared.statement.fetch(*arguments)
            except _STALE as error:
                prepared = await self._prepare_again(query, error)
                return prepared.layout.builder(row), await prepared.statement.fetch(*arguments)
        except BaseException as error:
            self._failed(error, query)
        finally:
            self.busy = False

    async def execute(self, query: Query, values: tuple[object, ...]) -> str:
        """Run a statement for its command tag; one without parameters may be several statements."""
        if query.is_empty:
            return ""  # the driver cannot take the server's answer to it
        if not values:
            return await self.command(query.statement.text, query)
        await self.fetch(query, NO_ROWS, values)
        return self._prepared[query].statement.get_statusmsg() or ""

    async def command(self, text: str, query: Query | None = None) -> str:
        """Run one or several statements by the simple protocol, and return the last one's command tag."""
        if self.busy or self.interrupted:
            await self._ready()
        if query is not None:
            self.footprint = max(self.footprint, query.footprint)
        self.busy = True
        try:
            return await self.driver.execute(text)
        except BaseException as error:
            self._failed(error, query)
        finally:
            self.busy = False

    @asynccontextmanager
    async def using(self, query: Query | None = None) -> AsyncIterator[DriverConnection]:
        """The driver connection for one operation, such as a COPY or a batch from a cursor.

        As for a statement: refused while another operation is under way, and errors become Assay's.
        """
        if self.busy or self.interrupted:
            await self._ready()
        if query is not None:
            self.footprint = max(self.footprint, query.footprint)
        self.busy = True
        try:
            yield self.driver
        except BaseException as error:
            self._failed(error, query)
        finally:
            self.busy = False

    async def prepared(self, query: Query) -> Prepared:
        """The query prepared in this session; only inside of ``using``."""
        return self._prepared.get(query) or await self._prepare(query)

    def leave_open(self, cursor: Cursor[asyncpg.Record]) -> None:
        """Have a cursor closed before the next statement; this never waits."""
        self.left_open.append(cursor)
        self.interrupted = True

    async def settle(self) -> None:
        """Do now what would be done before the next statement, unless that is under way."""
        if self.interrupted and not self.busy:
            await self._settle()

    async def mend(self, *, always: bool) -> None:
        """Make the session as good as new, or raise: then it must be closed.

        Args:
            always: reset it even when nothing is known to have been left behind.
        """
        if self.busy or self.footprint is Footprint.LASTING:
            raise UsageError("The session cannot be made as good as new")
        self.depth, self.doomed = 0, False
        if self.interrupted:
            await self._settle()
        if self.driver.is_in_transaction():
            await self.command("rollback")
        if self.footprint or always:
            await self.command(RESET)
        if self.lent_driver:
            await self.driver.reset()
            await self.command(_DEALLOCATE)
        self.footprint, self.lent_driver = Footprint.NONE, False

    async def is_alive(self, timeout: float) -> bool:  # noqa: ASYNC109 - a bound on one small question
        """Whether the server answers within so many seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self.command("select 1")
        except (Error, TimeoutError):
            return False
        return True

    def terminate(self) -> None:
        """Cut the connection at once; the server rolls back what was under way."""
        self.driver.terminate()

    def forget_prepared(self) -> object:
        """Prepare everything anew from now on; gives what was prepared, for whoever must keep it from being dropped."""
        prepared, self._prepared = self._prepared, {}
        return prepared

    async def _ready(self) -> None:
        if self.busy:
            raise UsageError(
                "This connection is running another statement, and it runs one at a time; "
                "let each task acquire its own connection, or await one statement after the other"
            )
        await self._settle()

    async def _settle(self) -> None:
        """Wait until the server is done with what was interrupted; roll it back unless a block will."""
        self.interrupted = False
        try:
            # The driver waits until the cancelled statement has ended before it sends this. The cancellation can come
            # too late for that statement and hit this one; in a failed transaction this one fails as well.
            await self.command("select 1")
        except ConnectionLost:
            raise
        except Error:
            pass
        left, self.left_open = self.left_open, []
        if not self.depth and self.driver.is_in_transaction():
            await self.command("rollback")
        for cursor in left:
            if self.driver.is_in_transaction():
                async with self.using():
                    await cursor._close_portal(None)  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public does

    async def _prepare(self, query: Query) -> Prepared:
        if len(self._prepared) >= MAX_PREPARED:
            del self._prepared[next(iter(self._prepared))]
        prepared = Prepared(query, await prepare(self.driver, query.statement.text))
        self._prepared[query] = prepared
        return prepared

    async def _prepare_again(self, query: Query, error: Exception) -> Prepared:
        """After the schema changed; in a transaction that has failed, or when the statement has run, it is too late."""
        self._prepared.clear()
        if isinstance(error, asyncpg.OutdatedSchemaCacheError) or self.driver.is_in_transaction():
            raise error
        return await self._prepare(query)

    def _unfit(self, found: re.Match[str], error: Exception, query: Query | None) -> ParameterError:
        """The error for an argument that the driver could not send."""
        index = int(found["index"]) - 1
        prepared = self._prepared.get(query) if query is not None else None
        kind = prepared.statement.get_parameters()[index].name if prepared is not None else None
        shown = query.statement.shown(index) if query is not None else f"${index + 1}"
        row = int(found["row"]) + 1 if found["row"] else None
        unfit = unfit_argument(shown, kind, str(error.__cause__ or found["reason"]), row)
        error.args, error.__cause__, error.__context__ = unfit.args, None, None  # which have the value in them
        return unfit

    def _failed(self, error: BaseException, query: Query | None) -> NoReturn:
        """Raise the error that users see."""
        if isinstance(error, Error):
            raise error
        if isinstance(error, DRIVER_ERRORS):
            if isinstance(error, _STALE):
                self._prepared.clear()
            self.interrupted = isinstance(error, (OSError, asyncpg.InternalClientError))
            unfit = UNFIT.match(str(error.args[0])) if error.args else None
            if unfit is not None:
                raise self._unfit(unfit, error, query) from None
            raise translate(_in_users_words(_without_values(error), query)) from error
        self.interrupted = True
        if isinstance(error, (ValueError, OverflowError)):  # from a class of Python's that the driver decodes into
            raise beyond_python(error) from error
        raise error


def _without_values(error: Exception) -> Exception:
    """The driver's error of the server, which is the cause of Assay's, with no values in it either."""
    if isinstance(error, asyncpg.PostgresError) and error.severity is not None:
        position = int(error.position) if error.position else None
        report = redacted(Report(str(error.args[0]), error.sqlstate, error.detail, position=position))
        error.args = (report.message,)
        vars(error).update(message=report.message, detail=report.detail, context=None)
    return error


def beyond_python(error: Exception) -> DecodeError:
    """The error for a value that no object of Python's can be made of."""
    return DecodeError(
        f"The result has a value that Python cannot hold ({error}), such as a date after the year 9999, "
        "the time 24:00 or an endless interval; cast that column to text"
    )


def _in_users_words(error: Exception, query: Query | None) -> Exception:
    """Names and positions as in the statement that the user wrote."""
    if query is None or not query.statement.edits:
        return error
    if isinstance(error, asyncpg.PostgresError) and error.position:
        position = query.statement.source_offset(int(error.position) - 1) + 1
        vars(error).update(position=str(position), query=query.statement.source)
    return error
