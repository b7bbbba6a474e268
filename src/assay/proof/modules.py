"""The project's modules, imported to look at their classes."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType

from assay.proof.discover.model import Place
from assay.proof.discover.resolve import Project
from assay.proof.discover.source import Source
from assay.proof.guard import Guard, Lost, TooLong
from assay.proof.importable import Importable
from assay.proof.unconnected import is_refused

_FIX = "make it importable from the project's root, in the environment that assay is installed in"
_FIX_LOST = 'leave at the module\'s top what defines things, and put what does things under if __name__ == "__main__"'
_CONNECTS = "it connects to something when it is imported, which the check does not let it do"


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """Why a module cannot be imported."""

    place: Place
    """The innermost line of the project's own code that it failed at."""
    why: str
    fix: str = _FIX
    """What to do about it."""


class Modules:
    """Imports modules of one project, in this process, with standard output silenced.

    Use it as a context manager: what it imported and what it added to ``sys.path`` is gone afterwards, so that the
    next check in the same process sees the files as they are then.

    Args:
        project: whose modules.
        guard: what their code runs under, in a process that is there for them alone.
    """

    def __init__(self, project: Project, guard: Guard | None = None) -> None:
        self.root = project.root
        self.failed = False
        """Whether anything could not be imported."""
        self._guard = guard
        self._loaded: dict[Path, ModuleType | ImportFailure] = {}
        self._lost: dict[Path, ImportFailure] = {}
        self._importable = Importable(project.root, project.folders)
        if guard is not None:
            guard.is_own = self._is_own

    def __enter__(self) -> Modules:
        self._importable.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._importable.__exit__()

    def left(self) -> AbstractContextManager[None]:
        """While Assay imports what is its own, whatever modules of the project have made of the path meanwhile."""
        return self._importable.left()

    def load(self, source: Source) -> ModuleType | ImportFailure:
        """The module of a file, imported once, or why it cannot be."""
        if source.path not in self._loaded:
            try:
                with self.running(source), contextlib.redirect_stdout(io.StringIO()):
                    self._loaded[source.path] = _import(source)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a module may raise whatever it likes
                self.give_up(source, error)
        return self._loaded[source.path]

    def named(self, name: str, source: Source) -> ModuleType:
        """The module of a dotted name, which code in ``source`` imports; raises what it raises."""
        try:
            with self.running(source), contextlib.redirect_stdout(io.StringIO()):
                return importlib.import_module(name)
        except BaseException:
            self.failed = True
            raise

    def running(self, source: Source) -> AbstractContextManager[None]:
        """While code of a file may run; of one that cannot be imported, none will."""
        if self._guard is None or isinstance(self._loaded.get(source.path), ImportFailure):
            return nullcontext()
        return self._guard.running(source.path)

    def give_up(self, source: Source, error: BaseException) -> None:
        """Take a module for one that cannot be imported, because of what it raised."""
        self.failed = True
        self._loaded[source.path] = self._failure(source, error)

    def _failure(self, source: Source, error: BaseException) -> ImportFailure:
        if isinstance(error, Lost):
            path = Path(error.path or source.path)
            return self._lost.get(path) or ImportFailure(Place(self._shown(path), 1, 1), str(error), _FIX_LOST)
        text = str(error).partition("\n")[0]
        if isinstance(error, TooLong):
            return self._too_long(source, error, text)
        if is_refused(error):
            return ImportFailure(self._innermost(source, error), _CONNECTS, _FIX_LOST)
        why = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if isinstance(error, SyntaxError) and error.filename and self._is_own(error.filename):
            return ImportFailure(self._place(error.filename, error.lineno or 1), why)
        return ImportFailure(self._innermost(source, error), why, _FIX_LOST if self._is_script(error) else _FIX)

    def _is_script(self, error: BaseException) -> bool:
        """Whether it was raised by a call that stands as a statement of its own at a module's top."""
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.name == "<module>" and frame.lineno and self._is_own(frame.filename):
                return _calls(Path(frame.filename), frame.lineno)
        return False

    def _too_long(self, source: Source, error: TooLong, why: str) -> ImportFailure:
        """The failure of the file in which it stuck, which no other file waits for again."""
        place = self._innermost(source, error)
        path = self.root / place.path
        self._lost[path] = ImportFailure(place, why, _FIX_LOST)
        if self._guard is not None:
            self._guard.give_up(path, why)
        return self._lost[path]

    def _innermost(self, source: Source, error: BaseException) -> Place:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if self._is_own(frame.filename):
                return self._place(frame.filename, frame.lineno or 1)
        return Place(source.shown, 1, 1)

    def _is_own(self, filename: str) -> bool:
        path = Path(filename)
        return path.is_relative_to(self.root) and "site-packages" not in path.parts and path.is_file()

    def _place(self, filename: str, line: int) -> Place:
        return Place(self._shown(Path(filename)), line, 1)

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()


def _import(source: Source) -> ModuleType:
    if source.name is not None and not _taken(source):
        module = importlib.import_module(source.name)
        if _file(module) == source.path:
            return module
    return _import_file(source)


def _taken(source: Source) -> bool:
    """Whether a module of that name, or of its package's, from elsewhere is loaded already."""
    name = source.name or ""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return _file(loaded) != source.path
    top = sys.modules.get(name.partition(".")[0])
    if top is None or _file(top) is None:
        return False
    return not any(source.path.is_relative_to(Path(folder).resolve()) for folder in getattr(top, "__path__", ()))


def _file(module: ModuleType) -> Path | None:
    name = getattr(module, "__file__", None)
    return Path(name).resolve() if isinstance(name, str) else None


def _import_file(source: Source) -> ModuleType:
    """Import a file that no dotted name leads to, such as a script with a dash in its name.

    The packages around it are imported under names that nothing else has, so that its relative imports find them.
    """
    name = _alias(source.path)
    if name in sys.modules:
        return sys.modules[name]
    package = source.path.parent / "__init__.py"
    if package.is_file() and package != source.path:
        name = f"{_load(package, _package_alias(source.path.parent)).__name__}.{source.path.stem}"
    return _load(source.path, name)


def _package_alias(folder: Path) -> str:
    above = folder.parent / "__init__.py"
    if not above.is_file():
        return _alias(folder)
    return f"{_load(above, _package_alias(folder.parent)).__name__}.{folder.name}"


def _alias(path: Path) -> str:
    word = "".join(letter if letter.isalnum() else "_" for letter in path.stem)
    return f"assay_checked_{word}_{sha256(str(path).encode(errors='surrogateescape')).hexdigest()[:12]}"


def _load(path: Path, name: str) -> ModuleType:
    """Run a file as a module of a name, unless one of that name is there."""
    if name in sys.modules:
        return sys.modules[name]
    is_package = path.name == "__init__.py"
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(path.parent)] if is_package else None
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} cannot be loaded as a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _calls(path: Path, line: int) -> bool:
    """Whether the statement at a line of a module's top is a call, whose value nobody takes."""
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        for statement in ast.parse(path.read_bytes()).body:
            if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
                return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Await)
    return False
