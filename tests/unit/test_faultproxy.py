"""The proxy that the tests put between client and server tells each side of the other's end."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from tests.fixtures.faultproxy import fault_proxy

from assay.config import DatabaseUrl


@pytest.mark.parametrize("unread", [b"", b"a query that nobody reads"])
async def test_a_server_that_ends_is_seen_by_the_client_whatever_was_left_unread(tmp_path: Path, unread: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / ".s.PGSQL.5432"))
        listening.listen()
        listening.setblocking(False)
        async with fault_proxy(DatabaseUrl("postgres", None, str(tmp_path), 5432, "postgres")) as (_, through):
            reader, writer = await asyncio.open_connection(through.host, through.port)
            server, _ = await asyncio.get_running_loop().sock_accept(listening)
            writer.write(unread)
            await writer.drain()
            await _arrived(server, len(unread))
            server.close()  # with something unread, the kernel sends a reset in place of an end
            async with asyncio.timeout(10):
                try:
                    assert await reader.read() == b""
                except ConnectionResetError:
                    assert unread
            writer.transport.abort()


async def _arrived(server: socket.socket, count: int) -> None:
    async with asyncio.timeout(10):
        while count:
            try:
                if len(server.recv(count, socket.MSG_PEEK)) == count:
                    return
            except BlockingIOError:
                pass
            await asyncio.sleep(0.01)
