"""A database opened for work on its migrations: its session, its ledger, and the lock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assay.migrate.ledger import LedgerTable
from assay.migrate.plan import Ledger
from assay.migrate.target import Session, Target, session
from assay.migrate.unfinished import ProgressTable, Unfinished
from assay.runtime.connecting import DRIVER_ERRORS, translate

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another process that is migrating the same database."""


@asynccontextmanager
async def open_target(target: Target) -> AsyncIterator[Session]:
    """A session whose driver errors come out as Assay's."""
    try:
        async with session(target) as current:
            yield current
    except DRIVER_ERRORS as error:
        raise translate(error) from error


async def read_ledger(current: Session, table: LedgerTable) -> tuple[Ledger, dict[int, Unfinished]]:
    """What the ledger says, and how far the files have come that are under way."""
    rows = await table.read(current.connection)
    noted = await ProgressTable(table.schema).read(current.connection)
    # A row that was deleted or set to successful by hand, as SQLx advises, settles the matter.
    unfinished = {version: state for version, state in noted.items() if version in rows and not rows[version].success}
    return Ledger(rows, {version: state.direction for version, state in unfinished.items()}), unfinished
