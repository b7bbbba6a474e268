"""A local socket takes whole pieces of what the driver sends, under both event loops."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
import uvloop

import assay
from assay.config import DatabaseUrl
from assay.runtime.receiving import SEND_BUFFER


def widest() -> int:
    """What the system gives a local socket that asks for as much."""
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        return one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def send_buffer(connection: assay.Connection) -> int:
    inside: Any = connection
    own = inside._session.driver._transport.get_extra_info("socket")
    size: int = own.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    return size


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_local_socket_takes_a_megabyte_at_once(run: Any, database_18: DatabaseUrl) -> None:
    async def work() -> None:
        async with assay.Pool(database_18, max_connections=2) as pool, pool.acquire() as connection:
            assert send_buffer(connection) == widest()
            await connection.execute("create table entry (id int, name text)")
            rows = [(number, "x" * 1000) for number in range(3000)]
            assert await connection.copy_in("entry", rows) == 3000
            assert await pool.fetch_all(tuple[int, str], "select id, name from entry order by id") == rows

    run(work())
