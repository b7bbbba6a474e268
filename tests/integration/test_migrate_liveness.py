"""A migrator and its server notice within minutes that the other is gone, also when nothing says so."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from assay.config import DatabaseUrl
from assay.migrate import liveness
from assay.migrate.target import session
from assay.server import Server

SERVER_SIDE = """
select name, setting::int as value from pg_settings
where name ~ '^tcp_|^client_connection_check_interval$' order by name
"""


@pytest.fixture(scope="module")
def over_tcp(module_home: Path) -> DatabaseUrl:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return Server.locate("18", home=module_home).listen("127.0.0.1", port)


async def server_side(url: DatabaseUrl) -> dict[str, int]:
    async with session(url) as current:
        return {row["name"]: row["value"] for row in await current.connection.fetch(SERVER_SIDE)}


async def test_a_server_lets_go_of_a_client_that_is_gone(over_tcp: DatabaseUrl) -> None:
    assert await server_side(over_tcp) == {
        "client_connection_check_interval": 1000,
        "tcp_keepalives_count": liveness.PROBES,
        "tcp_keepalives_idle": liveness.IDLE,
        "tcp_keepalives_interval": liveness.INTERVAL,
        "tcp_user_timeout": liveness.UNANSWERED * 1000,
    }


async def test_a_setting_in_the_url_stays(over_tcp: DatabaseUrl) -> None:
    own = DatabaseUrl.parse(f"{over_tcp.reveal()}?tcp_keepalives_idle=7")
    found = await server_side(own)
    assert found["tcp_keepalives_idle"] == 7
    assert found["tcp_keepalives_count"] != liveness.PROBES


async def test_a_client_lets_go_of_a_server_that_is_gone(over_tcp: DatabaseUrl) -> None:
    async with session(over_tcp) as current:
        driver: Any = current.connection
        own = driver._transport.get_extra_info("socket")
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_KEEPIDLE"):  # what macOS calls otherwise
            assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == liveness.IDLE
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == liveness.INTERVAL
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == liveness.PROBES


async def test_on_a_unix_socket_the_server_looks_whether_the_client_is_there(server_18: DatabaseUrl) -> None:
    found = await server_side(server_18)
    assert found["client_connection_check_interval"] == 1000
    assert found["tcp_keepalives_idle"] == 0
