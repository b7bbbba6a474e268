"""``assay stats``: the sections that are asked for, one after the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import asyncpg

from assay.ops.stats import activity, bloat, overview, statements, storage, upkeep
from assay.ops.stats.code import Places
from assay.ops.stats.model import Section
from assay.ops.stats.session import Session
from assay.ops.stats.text import to_text

Reader = Callable[[Session], Awaitable[Section]]

READERS: dict[str, Reader] = {
    "database": overview.database,
    "tables": storage.tables,
    "indexes": storage.indexes,
    "cache": storage.cache,
    "bloat": bloat.bloat,
    "connections": activity.connections,
    "transactions": activity.transactions,
    "locks": activity.locks,
    "statements": partial(statements.statements, places=None),
    "replication": upkeep.replication,
    "vacuum": upkeep.vacuum,
}
"""The sections by name, in their order."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What was read, at one time."""

    database: str
    server_version: str
    at: datetime
    sections: tuple[Section, ...]

    def to_json(self) -> dict[str, Any]:
        """The form of ``assay stats --output-format json``."""
        return {
            "database": self.database,
            "server_version": self.server_version,
            "at": self.at.isoformat(timespec="milliseconds"),
            "sections": {section.name: section.to_json() for section in self.sections},
        }


async def read_stats(session: Session, names: Sequence[str], places: Places | None = None) -> Stats:
    """Read sections; what the role may not see, or what takes too long, is said in the section.

    Args:
        session: the session.
        names: of the sections.
        places: the statements of the code, for the section ``statements``.

    Raises ConnectionLost and the like.
    """
    sections = [await _section(session, name, places) for name in names]
    return Stats(session.database, session.version, datetime.now(UTC), tuple(sections))


async def _section(session: Session, name: str, places: Places | None) -> Section:
    reader = partial(statements.statements, places=places) if name == "statements" else READERS[name]
    try:
        async with session.looking():
            return await reader(session)
    except asyncpg.InsufficientPrivilegeError as error:
        return _unread(name, f"this role may not see it ({error.args[0]}); grant pg_monitor to it")
    except asyncpg.QueryCanceledError:
        return _unread(name, f"it took longer than {session.timeout:g} s, and was left")
    except asyncpg.LockNotAvailableError:
        return _unread(name, "a table is locked, and it was not waited for")


def _unread(name: str, note: str) -> Section:
    return Section(name, name.capitalize(), (), notes=(note,), nothing="not known")


def stats_lines(stats: Stats, width: int | None) -> Iterator[str]:
    """The lines for people.

    Args:
        stats: what was read.
        width: columns of the terminal; None for no limit.
    """
    at = stats.at.astimezone().isoformat(sep=" ", timespec="seconds")
    yield f'Database "{stats.database}", PostgreSQL {stats.server_version}, at {at}'
    for section in stats.sections:
        yield ""
        yield from to_text(section, width)
