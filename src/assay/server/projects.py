"""The database that a project works on."""

from __future__ import annotations

from assay.config import DatabaseUrl, Settings
from assay.server.embedded import Server


def for_settings(settings: Settings) -> DatabaseUrl:
    """DATABASE_URL where it is set, else the project's database on the embedded server.

    The server is started and the database created if need be. Raises ServerError when that cannot be done.
    """
    if settings.database_url is not None:
        return settings.database_url
    return Server.locate(settings.server).ensure_database(settings.database, settings.server_idle_timeout)
