"""A server asked what it is, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.errors import InsufficientPrivilege
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, translate
from assay.runtime.replicas.position import Position
from assay.runtime.replicas.sighting import (
    INSERTED,
    LEDGER,
    LOOK,
    NO_RIGHT,
    REPLAYED,
    Ledger,
    Sighting,
    ledger_of,
    position_of,
    sighting_of,
)


async def look(driver: DriverConnection) -> Sighting:
    """Ask a server what it is; raises an Error when it does not answer."""
    row = await _row(driver, LOOK)
    return sighting_of(row, await _ledger(driver) if row[-1] else Ledger())


async def inserted(driver: DriverConnection) -> Position:
    """Where the log of the primary ends; raises an Error when that cannot be told."""
    return position_of(await _row(driver, INSERTED))


async def replayed(driver: DriverConnection) -> int:
    """How far a replica has come; raises an Error when it does not answer."""
    (lsn,) = await _row(driver, REPLAYED)
    return lsn or 0


async def _ledger(driver: DriverConnection) -> Ledger:
    try:
        return ledger_of(await _row(driver, LEDGER))
    except InsufficientPrivilege:
        return NO_RIGHT


async def _row(driver: DriverConnection, sql: str) -> Sequence[Any]:
    try:
        record = await driver.fetchrow(sql)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    assert record is not None  # noqa: S101 - each of these has one row by its form
    return tuple(record)
