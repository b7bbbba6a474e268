"""What an answer depends on outside of the project: Assay itself, Python, the server's programs, the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import assay
from assay._version import __version__
from assay.server.binaries import Programs

_PASSING = frozenset({"COLUMNS", "LINES", "OLDPWD", "PYTEST_CURRENT_TEST", "SHLVL", "TERM_SESSION_ID", "WINDOWID", "_"})
"""Variables of the environment whose values tell one run from another, and nothing to a program's classes."""


def state_of_assay() -> str:
    """What tells one state of Assay from another, also while it is worked on."""
    folder = str(Path(assay.__file__).parent)
    digest = sha256(f"{__version__}\0{folder}".encode(errors="surrogateescape"))
    for name, changed, size in sorted(_files_below(folder)):
        digest.update(f"{name}\0{changed}\0{size}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _files_below(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir():
                found = entry.stat()
                yield entry.path, found.st_mtime_ns, found.st_size
            elif entry.name != "__pycache__":
                yield from _files_below(entry.path)


def state_of_programs(programs: Programs) -> str:
    """What tells one installation of a server from another."""
    path = programs.path("postgres")
    found = path.stat()
    return f"{path}:{found.st_mtime_ns}:{found.st_size}"


def state_of_python() -> str:
    """What tells one Python, where it looks for modules, and what it finds around it, from another."""
    around = sorted((name, "" if name in _PASSING else value) for name, value in os.environ.items())
    return repr((sys.version, sys.executable, sys.prefix, sys.flags, sys.path, str(Path.cwd()), around))
