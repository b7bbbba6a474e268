"""Sessions behind PgBouncer in transaction mode, where each transaction may run in another session of the server.

Nothing may be left in a session there, and nothing that was left can be relied on: statements are prepared without a
name, in the same implicit transaction that runs them; there is nothing to reset; and what works only in a session of
one's own is refused with the reason. (PgBouncer's manual, "Features", lists what its pooling modes keep.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any

import asyncpg

from assay.config import DatabaseUrl
from assay.errors import ConfigurationError, Error, UsageError
from assay.runtime.building import Builder
from assay.runtime.connecting import DriverConnection, open_connection
from assay.runtime.query import Prepared, Query
from assay.runtime.session import Session
from assay.runtime.textarrays import prepare
from assay.sql.footprint import Footprint, needs_own_session

PASSED_ON = frozenset({"application_name", "client_encoding", "datestyle", "standard_conforming_strings", "timezone"})
"""The settings that PgBouncer keeps for each of its clients; others it refuses when a connection is opened."""

_INSTEAD = {
    "set": "write SET LOCAL inside of a transaction, or give the role its settings with ALTER ROLE ... SET",
    "set_config": "give set_config true as its third argument, inside of a transaction",
    "session advisory lock": "take pg_advisory_xact_lock inside of a transaction",
    "create": "add ON COMMIT DROP inside of a transaction",
    "declare": "leave out WITH HOLD, and read the cursor inside of a transaction",
}
_DIRECT = "open a connection that goes past PgBouncer with assay.connect"


async def open_bounced(url: DatabaseUrl, *, timeout: float, settings: Mapping[str, str] | None) -> DriverConnection:  # noqa: ASYNC109 - the driver's
    """Open a driver connection to PgBouncer; raises as :func:`assay.runtime.connecting.open_connection` does."""
    check_settings(settings)
    options: dict[str, Any] = {"server_settings": dict(settings) if settings else None, "statement_cache_size": 0}
    driver: Any = await open_connection(url, timeout=timeout, **options)
    # Or else the driver would turn JIT off in one session while it looks up types, and on again in another.
    driver._server_caps = driver._server_caps._replace(jit=False)  # noqa: SLF001
    opened: DriverConnection = driver
    return opened


def check_settings(settings: Mapping[str, str] | None) -> None:
    """Raise ConfigurationError for a setting that PgBouncer does not keep."""
    unknown = sorted(name for name in settings or () if name.lower() not in PASSED_ON)
    if unknown:
        raise ConfigurationError(
            f"server_settings has {unknown[0]!r}, which PgBouncer does not keep for a connection; "
            f"{_INSTEAD['set']}, or leave it out"
        )


class BouncedSession(Session):
    """A connection to PgBouncer."""

    __slots__ = ()

    @property
    def is_unsettled(self) -> bool:
        """Whether something has to be done before somebody else uses it."""
        return self.interrupted or self.busy or self.lent_driver

    async def fetch(
        self, query: Query, row: Any, values: tuple[object, ...]
    ) -> tuple[Builder, Sequence[asyncpg.Record]]:
        """Run a statement for its records. Raises UsageError for one that needs a session of its own."""
        refuse_kept(query)
        if not self.busy:
            self.forget_prepared()
        try:
            return await super().fetch(query, row, values)
        except UsageError:
            await self._end_what_was_not_run()
            raise

    async def command(self, text: str, query: Query | None = None) -> str:
        """Run one or several statements by the simple protocol. Raises UsageError as ``fetch`` does."""
        if query is not None:
            refuse_kept(query)
        return await super().command(text, query)

    @asynccontextmanager
    async def using(self, query: Query | None = None) -> AsyncIterator[DriverConnection]:
        """The driver connection for one operation. Raises UsageError as ``fetch`` does."""
        if query is not None:
            refuse_kept(query)
        try:
            async with super().using(query) as driver:
                yield driver
        except Error:
            await self._end_what_was_not_run()
            raise

    async def prepared(self, query: Query) -> Prepared:
        """The query prepared, for the transaction that is open."""
        refuse_kept(query)
        return await self._prepare(query)

    async def mend(self, *, always: bool) -> None:
        """Roll back what is open, or raise: then it must be closed. A reset would meet another session."""
        if self.lent_driver:
            raise UsageError("What was done with the driver cannot be known")
        self.footprint = Footprint.NONE
        await super().mend(always=False)

    async def _end_what_was_not_run(self) -> None:
        """End what may have been prepared and not run, since PgBouncer keeps a session for it until then."""
        if not self.busy:
            self.interrupted = True
            with suppress(Error):
                await self._settle()

    async def _prepare(self, query: Query) -> Prepared:
        prepared = Prepared(query, await prepare(self.driver, query.statement.text, name=""))
        self._prepared[query] = prepared
        return prepared


def refuse_to_keep(what: str) -> UsageError:
    """The error for what works only in a session of one's own: a statement's word, or a feature's name."""
    instead = _INSTEAD.get(what, _DIRECT)
    name = what.upper() if what.isalpha() else what
    return UsageError(
        f"{name} needs a session that is kept, and with PgBouncer in transaction mode each transaction may run in "
        f"another one; {instead}"
    )


def refuse_kept(query: Query) -> None:
    """Raise UsageError for a statement that works only in a session of one's own."""
    what = _kept(query.statement.text) if query.footprint else None
    if what is not None:
        raise refuse_to_keep(what)


@lru_cache(maxsize=4096)
def _kept(sql: str) -> str | None:
    return needs_own_session(sql)
