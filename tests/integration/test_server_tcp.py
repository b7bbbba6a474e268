"""An embedded server that was asked to listen on TCP, and who is let in there."""

from __future__ import annotations

import socket
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from assay import errors
from assay.config import DatabaseUrl
from assay.runtime.connecting import open_connection
from assay.server import Server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server(module_home: Path) -> Server:
    return Server.locate("18", home=module_home)


@pytest.fixture(scope="module")
def url(server: Server) -> DatabaseUrl:
    """The URL of a server that listens on TCP, with its password."""
    return server.listen("127.0.0.1", free_port())


async def refused(url: DatabaseUrl) -> errors.Error:
    with pytest.raises(errors.Error) as caught:
        await open_connection(url)
    return caught.value


async def test_password_opens_a_connection(url: DatabaseUrl) -> None:
    connection = await open_connection(url)
    assert await connection.fetchval("select inet_server_addr()") is not None
    assert await connection.fetchval("select rolpassword ~ '^SCRAM-SHA-256' from pg_authid where rolname = 'postgres'")
    await connection.close()


async def test_wrong_password_is_refused_without_being_shown(url: DatabaseUrl) -> None:
    error = await refused(replace(url, password="hush-hush"))
    assert isinstance(error, errors.AuthenticationFailed)
    assert error.sqlstate == "28P01"
    assert f'database "postgres" at 127.0.0.1:{url.port}' in error.message
    assert 'did not accept the password for user "postgres"' in error.message
    assert "hush-hush" not in error.message


async def test_missing_password_is_asked_for(url: DatabaseUrl) -> None:
    error = await refused(replace(url, password=None))
    assert isinstance(error, errors.AuthenticationFailed)
    assert "asks for a password, and none was given" in error.message


async def test_unknown_user_is_refused_like_a_wrong_password(url: DatabaseUrl) -> None:
    assert isinstance(await refused(replace(url, user="stranger")), errors.AuthenticationFailed)


async def test_missing_database_is_named(url: DatabaseUrl) -> None:
    error = await refused(url.with_database("nowhere"))
    assert isinstance(error, errors.UndefinedDatabase)
    assert 'database "nowhere"' in error.message


async def test_tls_that_is_required_is_said_not_to_be_there(url: DatabaseUrl) -> None:
    error = await refused(replace(url, options=(("sslmode", "require"),)))
    assert "does not speak TLS" in error.message


async def test_socket_still_needs_no_password(server: Server, url: DatabaseUrl) -> None:
    local = server.ensure_running()
    assert local.password is None
    assert local.port == url.port
    connection = await open_connection(local)
    await connection.close()


def test_password_is_kept_for_its_owner_alone(server: Server, url: DatabaseUrl) -> None:
    assert url.password is not None
    assert len(url.password) >= 24
    assert stat.S_IMODE(server.layout.password.stat().st_mode) == 0o600
    assert url.password not in repr(server.status())
    assert url.password not in server.layout.log.read_text()


def test_listening_again_gives_the_same_url(server: Server, url: DatabaseUrl) -> None:
    assert url.port is not None
    assert server.listen("127.0.0.1", url.port) == url
    assert server.tcp_url() == url


def test_listening_elsewhere_asks_to_stop_it_first(server: Server, url: DatabaseUrl) -> None:
    with pytest.raises(errors.ServerError, match="stop it first with: assay server stop"):
        server.listen("127.0.0.1", free_port())


def test_port_in_use_is_reported(home: Path, url: DatabaseUrl) -> None:
    assert url.port is not None
    with pytest.raises(errors.ServerError, match=f"(?s)could not bind.*|already running on port {url.port}"):
        Server.locate("18", home=home).listen("127.0.0.1", url.port)


async def test_server_without_connections_to_spare_says_so(server: Server, url: DatabaseUrl) -> None:
    connection = await open_connection(url)
    await connection.execute("create role crowded login password 'x' connection limit 0")
    error = await refused(replace(url, user="crowded", password="x"))
    await connection.close()
    assert isinstance(error, errors.ResourceError)


def test_next_start_listens_no_more(server: Server, url: DatabaseUrl) -> None:
    server.stop()
    server.ensure_running()
    assert server.tcp_url() is None
    with pytest.raises(errors.ServerError, match="runs already, without TCP"):
        server.listen("127.0.0.1", free_port())
