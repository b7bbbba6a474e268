"""What the project's own code runs under: it is known whose code runs, it may not take for ever, nor connect."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from assay.proof.unconnected import Unconnected


class TooLong(BaseException):
    """Code of the project takes longer than it may."""


class Lost(ImportError):
    """A module that was lost before is not imported again; the text says how it was lost."""


class Guard:
    """Watches over the project's code in the process that is there for nothing else.

    Args:
        tell: is told the path of each file whose code begins to run, and the one it goes back to; empty at the end.
        limit: seconds that it may take; 0 for no limit.
        failed: files that are not to be run any more, and why.
    """

    def __init__(self, tell: Callable[[str], None], limit: float, failed: Mapping[Path, str]) -> None:
        self._tell = tell
        self._limit = limit
        self._failed = {str(path): why for path, why in failed.items()}
        self._within: list[str] = []
        self._process = os.getpid()
        self.is_own: Callable[[str], bool] = lambda path: False
        """Whether a file is the project's."""
        self.active = False
        """Whether it is the project's code that runs."""
        self._unconnected = Unconnected(lambda: self.active)

    def begin(self) -> None:
        """Take over the process's alarm, its arguments, and the loading of modules."""
        self._process = os.getpid()
        sys.argv[:] = ["assay"]  # those of the check are not the modules'
        signal.signal(signal.SIGALRM, self._too_long)
        self._unconnected.begin()
        execute = SourceFileLoader.exec_module

        def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
            if self.active and self.is_own(loader.path):
                with self._inside(loader.path):
                    execute(loader, module)
            else:
                execute(loader, module)
                self._unconnected.loaded(module)

        setattr(SourceFileLoader, "exec_module", exec_module)  # noqa: B010 - a method of its base until now

    @contextmanager
    def running(self, path: Path) -> Iterator[None]:
        """While the code of a file may run; raises TooLong when it takes too long, and Lost when it was lost before."""
        if self.active:
            with self._inside(str(path)):
                yield
            return
        self.active = True
        signal.setitimer(signal.ITIMER_REAL, self._limit)
        try:
            with self._unconnected.closed(), self._inside(str(path)):
                yield
        finally:
            if os.getpid() != self._process:  # the module made another process, which is not to go on with the work
                os._exit(0)
            self.active = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def give_up(self, path: Path, why: str) -> None:
        """Do not run a file's code again."""
        self._failed[str(path)] = why

    @contextmanager
    def _inside(self, path: str) -> Iterator[None]:
        if path in self._failed:
            raise Lost(self._failed[path], path=path)
        self._within.append(path)
        self._tell(path)
        try:
            yield
        finally:
            self._within.pop()
            self._tell(self._within[-1] if self._within else "")

    def _too_long(self, signum: int, frame: FrameType | None) -> Any:
        raise TooLong(f"it takes longer than {self._limit:g} s")
