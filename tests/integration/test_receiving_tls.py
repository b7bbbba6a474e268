"""What is counted and decoded between transport and driver is so through TLS too, as on connections to other machines."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

import assay
from assay.config import DatabaseUrl

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what comes, until there is no more."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        writer.close()


@pytest.fixture
async def url(tmp_path: Path, database_18: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A server that speaks TLS, in front of one on a Unix socket."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    inner = f"{database_18.host}/.s.PGSQL.{database_18.port or 5432}"
    pumps: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert struct.unpack("!ii", await reader.readexactly(8)) == (8, 80877103)
        writer.write(b"S")
        await writer.start_tls(context)
        server_reader, server_writer = await asyncio.open_unix_connection(inner)
        pumps.extend(map(asyncio.create_task, [pump(reader, server_writer), pump(server_reader, writer)]))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield replace(database_18, host="127.0.0.1", port=port, options=(("sslmode", "require"),))
    server.close()
    await asyncio.gather(*pumps, return_exceptions=True)


async def test_rows_are_counted_and_decoded_through_tls(url: DatabaseUrl) -> None:
    async with assay.Pool(url, min_connections=1, max_connections=1) as pool:
        async with pool.acquire() as connection:
            assert (await connection.lend()).driver._transport.get_extra_info("ssl_object") is not None  # type: ignore[attr-defined]
        await pool.execute("create table item (id int, label text)")
        rows = [(number, f"label {number}" * 20) for number in range(5000)]
        assert await pool.execute_many("insert into item values ($1, $2)", rows) == 5000
        assert await pool.copy_in("item", rows) == 5000
        assert sorted(await pool.fetch_all(tuple[int, str], "select * from item")) == sorted([*rows, *rows])
        assert len([row async for row in pool.stream(int, "select id from item")]) == 10_000
