"""The process that stops an idle server: ``python -m assay.server.watch HOME VERSION``.

One runs for each server, apart from whoever started it. It ends when the server does.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from assay.errors import Error
from assay.server.client import ask
from assay.server.embedded import Server
from assay.server.idle import allowed, unused_for
from assay.server.layout import Layout
from assay.server.locking import holding
from assay.server.memory import remove_if_volatile
from assay.server.postmaster import Postmaster, end_everything, find, stop
from assay.server.processes import wait_for_exit

_SESSIONS = """
select count(*) filter (where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()),
       (select sum(sessions) from pg_stat_database)
from pg_stat_activity
"""
_LONGEST_PAUSE = 60.0


class Clients:
    """The use that is made of a server."""

    def __init__(self, server: Server) -> None:
        self.layout = server.layout
        self._server = server
        self._last_seen = time.time()
        self._sessions = -1

    def time_left(self, running: Postmaster) -> float:
        """Seconds until the server has idled for as long as it may, if nobody uses it meanwhile."""
        if self._seen(running):
            self._last_seen = time.time()
        return allowed(self.layout) - min(time.time() - self._last_seen, unused_for(self.layout))

    def _seen(self, running: Postmaster) -> bool:
        """Whether somebody is connected, or has come and gone since the last look; when in doubt, yes."""
        try:
            [[now, total]] = ask(self._server.programs(), running, _SESSIONS)
        except Error:
            return True
        came = int(total) != self._sessions
        self._sessions = int(total) + 1  # the next time, this very question counts among them
        return int(now) > 0 or came


def watch(server: Server, descriptor: int) -> None:
    """Stop the server once nobody has used it for as long as it may idle; return when it is gone.

    Args:
        server: the server.
        descriptor: the open file whose lock says that a process watches.
    """
    layout = server.layout
    with holding(layout.lock, "waiting for the server to be started", timeout=300.0):
        pass
    clients = Clients(server)
    while _is_watched(layout, descriptor):
        found = find(layout)
        left = clients.time_left(found) if found else 0.0
        if left > 0 and found:
            wait_for_exit(found.pid, min(max(left, 0.05), _LONGEST_PAUSE))
        elif _finished(clients, descriptor):
            return
    if not layout.state.exists():
        end_everything(layout.data)  # its home was removed: nobody can find this server any more


def _is_watched(layout: Layout, descriptor: int) -> bool:
    """Whether the lock that this process holds is still the one that others look at."""
    with suppress(OSError):
        return os.fstat(descriptor).st_ino == layout.watch.stat().st_ino
    return False


def _finished(clients: Clients, descriptor: int) -> bool:
    """Look once more while nobody can ask for the server, and stop it if it runs and still nobody uses it.

    The descriptor is closed before anybody can start the server again, so that they start a watcher too.
    """
    layout = clients.layout
    with holding(layout.lock, "stopping an idle server"):
        found = find(layout)
        if found is not None and clients.time_left(found) > 0:
            return False
        if found is not None:
            stop(layout, found)
        remove_if_volatile(layout)
        os.close(descriptor)
    return True


def main() -> None:
    """Watch the server that the arguments name."""
    home, version, descriptor = sys.argv[1:]
    try:
        watch(Server.locate(version, home=Path(home)), int(descriptor))
    except (Error, OSError) as error:
        print(f"assay: the idle server is not watched any more: {error}", file=sys.stderr)  # noqa: T201 - into its log


if __name__ == "__main__":
    main()
