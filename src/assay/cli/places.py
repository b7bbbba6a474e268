"""What commands on a project's database are pointed at: the database, and folders of files."""

from __future__ import annotations

from pathlib import Path

from assay.cli.connecting import reachable
from assay.config import DatabaseUrl, load_settings


def database(url: str | None) -> DatabaseUrl:
    """The database of ``--database-url``, or else the project's; the embedded server is started where it lies on it.

    Waits as long as ``--connect-timeout`` says for a server that does not answer yet.
    """
    if url is not None:
        return reachable(DatabaseUrl.parse(url))
    from assay.server import for_settings

    return reachable(for_settings(load_settings()))


def from_here(path: Path) -> Path:
    """The path as a person would write it from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
