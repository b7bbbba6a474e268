"""The server that the databases of tests are made on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assay.config import DatabaseUrl, Settings, environment
from assay.server import Server
from assay.server.memory import memory_home

VARIABLE = "TEST_DATABASE_URL"
"""Names the server for tests where it is not that of DATABASE_URL; ``embedded`` is the embedded one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A server, running or not."""

    target: DatabaseUrl | Server
    """What a URL names, or the embedded one."""
    memory: Path | None
    """The home of an embedded server in memory."""
    idle_timeout: float

    def url(self) -> DatabaseUrl:
        """The URL of a database of the server, which is started if it is the embedded one.

        Raises ServerError when there is no server to be had.
        """
        if isinstance(self.target, DatabaseUrl):
            return self.target
        return self.target.ensure_running(self.idle_timeout)


def find_place(settings: Settings, *, memory: bool = True) -> Place:
    """TEST_DATABASE_URL's server, else DATABASE_URL's, else the embedded one.

    Args:
        settings: the project's.
        memory: whether the embedded server may be the one in memory, if the settings allow it too.
    """
    text = environment(settings.root).get(VARIABLE, "").strip()
    given = settings.database_url if not text else None if text == "embedded" else DatabaseUrl.parse(text)
    if given is not None:
        return Place(given, None, settings.server_idle_timeout)
    home = memory_home() if memory and settings.testing.memory else None
    return Place(Server.locate(settings.server, home=home), home, settings.server_idle_timeout)
