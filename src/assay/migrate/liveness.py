"""A dead client noticed by the server, and a dead server or network by the client, within two minutes.

The statement of a migration can take hours in which nothing is sent, and holds locks. Unless told otherwise, systems
take two hours to find out that the other side is gone, and firewalls forget a connection that is silent for minutes.
(Manual, sections 19.3.2 "TCP Settings" and 19.3.1, client_connection_check_interval; tcp(7).)
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

from assay.config import DatabaseUrl
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection

IDLE, INTERVAL, PROBES = 60, 10, 6
"""Seconds of silence before the other side is asked, seconds between the questions, and how many may go unanswered."""
UNANSWERED = 120
"""Seconds that what was sent may stay unacknowledged."""

_OVER_ANY_SOCKET = "set client_connection_check_interval = '1s'"
"""Lets the server stop a long statement soon after this process was killed (PostgreSQL 14; not on every system)."""
_OVER_TCP = (
    f"set tcp_keepalives_idle = {IDLE}; set tcp_keepalives_interval = {INTERVAL}; set tcp_keepalives_count = {PROBES}",
    f"set tcp_user_timeout = '{UNANSWERED}s'",
)
_CLIENT_OPTIONS = {
    "TCP_KEEPIDLE": IDLE,
    "TCP_KEEPALIVE": IDLE,  # what macOS calls the former
    "TCP_KEEPINTVL": INTERVAL,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": UNANSWERED * 1000,
}


async def notice_death(connection: DriverConnection, url: DatabaseUrl) -> None:
    """Set both sides of a connection to notice the other's end; what a system does not know is left as it is.

    Args:
        connection: one that was opened for a run, not lent.
        url: what it was opened with; a ``tcp_`` setting in it stays as it is.
    """
    settings = [_OVER_ANY_SOCKET]
    if _keep_alive(connection) and not any(name.startswith("tcp_") for name, _ in url.options):
        settings += _OVER_TCP
    for setting in settings:
        with suppress(*DRIVER_ERRORS):
            await connection.execute(setting)


def _keep_alive(connection: DriverConnection) -> bool:
    """Set the client's socket; says whether it is one of TCP."""
    driver: Any = connection  # which has no public way to its socket
    own: socket.socket | None = driver._transport.get_extra_info("socket")  # noqa: SLF001
    if own is None or own.family not in (socket.AF_INET, socket.AF_INET6):
        return False
    with suppress(OSError):
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _CLIENT_OPTIONS.items():
            if hasattr(socket, name):
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return True
