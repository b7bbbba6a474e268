"""Transaction-pooling proxies recognised.

PgBouncer in transaction mode gives each transaction whichever server connection is free. The migration lock then stays
behind on one of them, guarding nothing, until that connection is closed. Such a proxy makes up the process number that
the protocol tells a client at the start (BackendKeyData), so a difference from ``pg_backend_pid()`` shows that there is
a proxy at all; only then is it worth asking whether the session stays with one process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import asyncpg

from assay.errors import Error, MigrationError
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection

Opening = Callable[[], AbstractAsyncContextManager[DriverConnection]]
"""Gives a second connection for a block."""

_PROBES = 3
_PATIENCE = 2.0
"""Seconds for the second connection; a proxy that has no server connection left for it lets it wait."""
_NO_ANSWER: tuple[type[Exception], ...] = (Error, *DRIVER_ERRORS)
"""What may happen to it besides; a timeout is an OSError."""

_PID = "select pg_backend_pid()"
_PREPARED_ELSEWHERE = ("26000", "42P05")
"""A prepared statement is not there, or is there already: it was prepared on another server connection."""


async def refuse_transaction_pooling(connection: DriverConnection, open_another: Opening | None = None) -> int | None:
    """Raise MigrationError when the connection's statements do not all reach the same server process.

    Args:
        connection: the connection that is to hold the lock.
        open_another: gives a second one from the same place. A quiet proxy that pools by transaction gives it the
            process that the first one just used, which never happens otherwise.

    Returns:
        The server process behind the proxy, to be checked again with ``refuse_other_process``; None when there is no
        proxy.
    """
    pid = await _pid(connection)
    if pid == connection.get_server_pid():
        return None
    if open_another is not None and await _taken_by_another(open_another) == pid:
        raise MigrationError(_refusal(f"server process {pid} served two connections at once"))
    for _ in range(_PROBES):
        await refuse_other_process(connection, pid)
    return pid


async def refuse_other_process(connection: DriverConnection, pid: int) -> None:
    """Raise MigrationError unless this statement reaches the given server process."""
    now = await _pid(connection)
    if now != pid:
        raise MigrationError(_refusal(f"it was with server process {pid}, and is with {now} now"))


async def _taken_by_another(open_another: Opening) -> int | None:
    """The process that a new connection is given; None when it is given none."""
    try:
        async with asyncio.timeout(_PATIENCE):
            async with open_another() as other:
                return await _pid(other)
    except _NO_ANSWER:
        return None


async def _pid(connection: DriverConnection) -> int:
    try:
        return int(await connection.fetchval(_PID))
    except asyncpg.PostgresError as error:
        if error.sqlstate in _PREPARED_ELSEWHERE:
            raise MigrationError(_refusal("it loses prepared statements")) from error
        raise


def _refusal(sign: str) -> str:
    return (
        f"This connection goes through a proxy that pools by transaction: {sign}. The migration lock belongs to one "
        "server process, so it would guard nothing; connect to the server itself, or to a proxy that pools by session"
    )
