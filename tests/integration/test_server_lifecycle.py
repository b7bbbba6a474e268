"""The embedded server from nothing to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from assay.server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a home of its own, stopped in the end."""
    server = Server.locate("18", home=tmp_path / "home")
    yield server
    server.stop()


async def test_server_starts_from_nothing_and_stops(server: Server) -> None:
    url = server.ensure_running()
    connection = await asyncpg.connect(url.reveal())
    assert await connection.fetchval("select current_database()") == "postgres"
    await connection.close()
    assert server.stop()
    assert not server.status().running
