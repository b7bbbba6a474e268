"""The schema that queries are proven on: built from the migrations, or a database as it is."""

from __future__ import annotations

from dataclasses import dataclass

from assay.config import DatabaseUrl, Settings
from assay.migrate.files import fingerprint, load_if_any
from assay.migrate.model import Migration
from assay.wording import counted


@dataclass(frozen=True, slots=True)
class Basis:
    """What an answer rests on, in words for reports."""

    server_version: str
    """``18.6``; empty when there was nothing to prove."""
    fingerprint: str
    """Of the migrations; empty for a database as it is."""
    migrations: int
    place: str = ""
    """Of a database as it is: ``database "app" at localhost:5432``."""
    offline: bool = False
    bare: bool = False
    """Whether it is a database as it is, without a table or a view."""

    def __str__(self) -> str:
        where = self.place or counted(self.migrations, "migration")
        return f"{'the offline cache of ' if self.offline else ''}PostgreSQL {self.server_version}, {where}"


def read_migrations(settings: Settings) -> tuple[Migration, ...]:
    """The project's migrations; none when it has no such folder.

    Raises MigrationError for a folder with a file that is not as it should be.
    """
    return load_if_any(settings.migrations) if settings.migrations.is_dir() else ()


def fingerprint_of(migrations: tuple[Migration, ...]) -> str:
    """The fingerprint of migrations; empty when there are none."""
    return fingerprint(migrations) if migrations else ""


@dataclass(frozen=True, slots=True)
class Schema:
    """A database that has the schema."""

    url: DatabaseUrl
    migrations: tuple[Migration, ...]

    def basis(self, server_version: str, *, bare: bool = False) -> Basis:
        """What answers given by this database rest on."""
        place = "" if self.migrations else self.url.place
        return Basis(server_version, fingerprint_of(self.migrations), len(self.migrations), place, bare=bare)


async def find_schema(settings: Settings, server: DatabaseUrl | None = None) -> Schema:
    """The database to describe statements on.

    With migrations it is a template database built from them, on ``server`` or else on the embedded one. Without, it
    is ``server``, DATABASE_URL, or the project's database on the embedded server, as it is.

    Raises ServerError, MigrationError, ConnectionFailed or AuthenticationFailed when it cannot be had.
    """
    from assay.server import Server, for_settings, template_database

    migrations = read_migrations(settings)
    if not migrations:
        return Schema(server or for_settings(settings), ())
    home = server or Server.locate(settings.server).ensure_running(settings.server_idle_timeout)

    async def build(url: DatabaseUrl) -> None:
        from assay.migrate import run

        await run(url, settings.migrations)

    name = await template_database(home, fingerprint_of(migrations), build)
    return Schema(home.with_database(name), migrations)
