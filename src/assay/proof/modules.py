"""The project's modules, imported to look at their classes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.proof.discover.model import Place
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why a module cannot be imported."""

    place: Place
    """The innermost line of the project's own code that it failed at."""
    why: str


class Modules:
    """Imports modules of one project, in this process, with standard output silenced.

    Use it as a context manager: what it imported and what it added to ``sys.path`` is gone afterwards, so that the
    next check in the same process sees the files as they are then.
    """

    def __init__(self, project: Project) -> None:
        self.root = project.root
        self._folders = project.folders
        self._loaded: dict[Path, ModuleType | ImportFailure] = {}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Modules:
        self._stack.enter_context(_importable(self.root, self._folders))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def load(self, source: Source) -> ModuleType | ImportFailure:
        """The module of a file, imported once, or why it cannot be."""
        if source.path not in self._loaded:
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    self._loaded[source.path] = _import(source)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a module may raise whatever it likes
                self._loaded[source.path] = self._failure(source, error)
        return self._loaded[source.path]

    def _failure(self, source: Source, error: BaseException) -> ImportFailure:
        text = str(error).partition("\n")[0]
        why = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if isinstance(error, SyntaxError) and error.filename and self._is_own(error.filename):
            return ImportFailure(self._place(error.filename, error.lineno or 1), why)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if self._is_own(frame.filename):
                return ImportFailure(self._place(frame.filename, frame.lineno or 1), why)
        return ImportFailure(Place(source.shown, 1, 1), why)

    def _is_own(self, filename: str) -> bool:
        path = Path(filename)
        return path.is_relative_to(self.root) and "site-packages" not in path.parts and path.is_file()

    def _place(self, filename: str, line: int) -> Place:
        return Place(Path(filename).relative_to(self.root).as_posix(), line, 1)


def _import(source: Source) -> ModuleType:
    if source.name is not None and not _taken(source):
        module = importlib.import_module(source.name)
        if _file(module) == source.path:
            return module
    return _import_file(source)


def _taken(source: Source) -> bool:
    """Whether a module of that name from elsewhere is loaded already, such as this program's own."""
    loaded = sys.modules.get(source.name or "")
    return loaded is not None and _file(loaded) != source.path


def _file(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    return Path(name).resolve() if isinstance(name, str) else None


def _import_file(source: Source) -> ModuleType:
    """Import a file that no dotted name leads to, such as a script with a dash in its name."""
    name = f"assay_checked_{source.path.stem.replace('-', '_')}_{abs(hash(source.path)):x}"
    spec = importlib.util.spec_from_file_location(name, source.path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source.shown} cannot be loaded as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


@contextlib.contextmanager
def _importable(root: Path, folders: Iterable[Path]) -> Iterator[None]:
    """Make the folders importable, and undo it and every import from below the root afterwards."""
    path, modules, writes = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    sys.path[:0] = [str(folder) for folder in folders]
    # Compiled files are told apart by the second they were written in, which is too coarse for a file just edited.
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes
        for name in set(sys.modules) - modules:
            if _is_below(sys.modules[name], root):
                del sys.modules[name]


def _is_below(module: ModuleType, root: Path) -> bool:
    path = _file(module)
    if path is None:
        paths: Any = getattr(module, "__path__", ())
        return any(Path(str(entry)).is_relative_to(root) for entry in paths)
    return path.is_relative_to(root) and "site-packages" not in path.parts
