"""A bucket that is slow, or says nothing at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from assay.errors import BackupError
from assay.ops.backup import s3
from assay.ops.backup.s3 import S3Store

pytest.importorskip("obstore", reason="a store on S3 needs obstore")
KEYS = {"AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret-key"}
PIECE = b"x" * 65_536
HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: {}\r\nLast-Modified: Fri, 20 Nov 2026 10:00:00 GMT\r\nETag: "e"\r\n\r\n'


@asynccontextmanager
async def bucket(pieces: int, pause: float) -> AsyncIterator[S3Store]:
    """A store whose server has one object, of which it sends a piece now and then; without pieces, it never answers."""
    serving: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await send(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def send(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if pieces:
            writer.write(HEAD.format(pieces * len(PIECE)).encode())
        for _ in range(pieces):
            writer.write(PIECE)
            await writer.drain()
            await asyncio.sleep(pause)
        await reader.read()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.ensure_future(answer(reader, writer)))

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield S3Store("s3://bucket/app", {"endpoint": f"http://127.0.0.1:{port}", "allow-http": True}, KEYS)
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def fetched(store: S3Store) -> int:
    return sum([len(chunk) async for chunk in store.chunks("id", "archive.dump")])


async def test_a_store_that_never_answers_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_SILENCE", timedelta(seconds=0.5))
    async with asyncio.timeout(20), bucket(0, 0) as store:
        with pytest.raises(BackupError, match="cannot be written to: nothing answers there"):
            await store.prepare()


async def test_an_archive_may_take_longer_than_a_store_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_SILENCE", timedelta(seconds=1))
    async with bucket(16, 0.2) as store:
        assert await fetched(store) == 16 * len(PIECE)


@pytest.mark.soak
async def test_an_archive_may_take_minutes() -> None:
    async with bucket(100, 1) as store:
        assert await fetched(store) == 100 * len(PIECE)
