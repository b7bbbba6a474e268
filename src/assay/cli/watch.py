"""Running something again whenever the project's files change."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from assay.config import Settings
from assay.errors import Error

INTERVAL = 0.5
"""Seconds between two looks at the files."""

Seen = dict[Path, tuple[int, int]]
"""Files with the time, in nanoseconds, of their last change, and their size."""


def watch(settings: Settings, run: Callable[[], object]) -> None:
    """Run once, and again after every change, until Ctrl-C or SIGTERM.

    An error of Assay's is told, and the next change is waited for.
    """
    try:
        while True:
            before = seen(settings)
            _run(run)
            while seen(settings) == before:
                time.sleep(INTERVAL)
    except KeyboardInterrupt:
        print("Stopped watching.", file=sys.stderr)


def _run(run: Callable[[], object]) -> None:
    try:
        run()
    except Error as error:
        print(f"error: {error}", file=sys.stderr)
    sys.stdout.flush()


def seen(settings: Settings) -> Seen:
    """The files that a check depends on: code, SQL and settings, as they are now."""
    found: Seen = {}
    for path in _paths(settings):
        try:
            status = path.stat()
        except OSError:  # gone since the folder was listed, or not there at all
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


def _paths(settings: Settings) -> Iterator[Path]:
    yield settings.root / "pyproject.toml"
    yield settings.root / ".env"
    for place in {*settings.source, settings.root, settings.migrations}:
        if place.is_file():
            yield place
            continue
        for folder, folders, files in os.walk(place):
            here = Path(folder)
            folders[:] = [name for name in folders if _wanted(here / name)]
            yield from (here / name for name in files if name.endswith((".py", ".sql")))


def _wanted(folder: Path) -> bool:
    skipped = folder.name.startswith(".") or folder.name in ("__pycache__", "node_modules", "site-packages")
    return not skipped and not (folder / "pyvenv.cfg").exists()
