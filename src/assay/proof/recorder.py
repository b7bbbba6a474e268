"""What the project's code looks at while it is imported, heard of Python itself (PEP 578).

Files that are opened and folders that are listed, by import statements or otherwise, are what a report depends on
beside the files that were checked. What else code may look at (other processes, the network) cannot be told from what
it was, so a report that depends on it is not kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import source_from_cache
from typing import Any

_UNKNOWABLE = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.system",
        "pty.spawn",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "sqlite3.connect",
        "subprocess.Popen",
    }
)
_HEARD = _UNKNOWABLE | {"open", "os.listdir", "os.scandir"}
_SYSTEM = ("/dev/", "/proc/", "/sys/")


class Recorder:
    """Hears what happens while ``listening`` says that it is to."""

    def __init__(self, listening: Callable[[], bool]) -> None:
        self._listening = listening
        self.files: set[str] = set()
        """The files that were opened to be read, or would have been."""
        self.folders: set[str] = set()
        """The folders whose names were read."""
        self.unknowable = False
        """Whether something was looked at that cannot be looked at again."""

    def begin(self) -> None:
        """Hear from now on, until the process ends: there is no way back."""
        sys.addaudithook(self._heard)

    def read(self) -> set[str]:
        """All files that were read: those opened, and those of all modules, whenever they were imported."""
        modules = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        found = {name for name in modules if isinstance(name, str)} | self.files
        return {_full(_source(name)) for name in found if not name.startswith(_SYSTEM)}

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in _HEARD or not self._listening():
            return
        if event in _UNKNOWABLE:
            self.unknowable = True
        elif event == "open":
            if not isinstance(args[0], int) and not _writes(args[2]):
                self.files.add(_full(os.fsdecode(args[0])))
        elif isinstance(args[0], int):  # a folder that is open already
            self.unknowable = True
        else:
            self.folders.add(_full(os.fsdecode(args[0] or ".")))


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


def _source(name: str) -> str:
    """The file that a compiled one was made from: it is what changes."""
    if not name.endswith(".pyc"):
        return name
    try:
        return source_from_cache(name)
    except ValueError:
        return name


def _full(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - links are not to be followed
