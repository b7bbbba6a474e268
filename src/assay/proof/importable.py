"""A process made ready to import the modules of a project, and set back afterwards."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import all_suffixes
from pathlib import Path
from types import ModuleType
from typing import Any

from assay.proof.discover.files import import_folders

_OWN = frozenset({"assay", "asyncpg", "click", "msgspec"})
"""What this program itself imports by name while it works."""
_FIRST = frozenset(sys.builtin_module_names) | {
    *("__main__", "abc", "codecs", "encodings", "genericpath", "importlib", "io", "ntpath", "os", "posixpath", "site"),
    *("_collections_abc", "_sitebuiltins", "ast", "collections", "contextlib", "copyreg", "dataclasses", "enum"),
    *("functools", "inspect", "keyword", "linecache", "operator", "re", "reprlib", "runpy", "stat", "threading"),
    *("token", "tokenize", "traceback", "types", "typing", "warnings", "weakref", "zipimport"),
}
"""What is loaded before nearly any program's first line is run, so that no file of the program's can take its place."""


class Importable:
    """A context in which the folders can be imported from; afterwards every import from below the root is undone.

    Modules from elsewhere that have a name of the project's, such as ``calendar`` where the project has a calendar.py,
    stand aside: when the project's program runs, it is its own that it finds.
    """

    def __init__(self, root: Path, folders: Iterable[Path]) -> None:
        self._root = root
        self._folders = [str(folder) for folder in folders]
        self._names: frozenset[str] = frozenset()
        self._aside: dict[str, ModuleType] = {}

    def __enter__(self) -> Importable:
        self._path, self._writes = list(sys.path), sys.dont_write_bytecode
        found = set[str]().union(*map(_importable_names, import_folders(self._root)))
        self._names = frozenset(found) - _OWN - _FIRST
        if self._names & (sys.stdlib_module_names | set(sys.modules)):
            _import_what_is_needed()
        self._before = set(sys.modules)
        sys.path[:0] = self._folders
        # Compiled files are told apart by the second they were written in, too coarse for a file just edited.
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        self._stand_aside()
        return self

    def __exit__(self, *exc_info: object) -> None:
        sys.path[:] = self._path
        sys.dont_write_bytecode = self._writes
        since = [name for name in set(sys.modules) - self._before | set(self._aside) if name in sys.modules]
        # A folder without __init__.py is looked up in the one above it, so none goes before all have been looked at.
        for name in [name for name in since if is_below(sys.modules[name], self._root)]:
            del sys.modules[name]
        sys.modules.update(self._aside)

    @contextlib.contextmanager
    def left(self) -> Iterator[None]:
        """While Assay imports what is its own, whatever modules of the project have made of the path meanwhile."""
        path, own = list(sys.path), {name: sys.modules.pop(name) for name in self._loaded()}
        sys.path[:] = self._path
        sys.modules.update(self._aside)
        try:
            yield
        finally:
            sys.path[:] = path
            self._stand_aside()
            sys.modules.update(own)

    def _stand_aside(self) -> None:
        foreign = [name for name in self._loaded() if not is_below(sys.modules[name], self._root)]
        self._aside.update((name, sys.modules.pop(name)) for name in foreign)

    def _loaded(self) -> list[str]:
        """The modules that are loaded by the project's names, and their submodules."""
        found = [name for name in sys.modules if name.partition(".")[0] in self._names]
        return [name for name in found if isinstance(sys.modules[name], ModuleType)]


def is_below(module: ModuleType, root: Path) -> bool:
    """Whether a module is the project's."""
    path = getattr(module, "__file__", None)
    if not isinstance(path, str):
        paths: Any = getattr(module, "__path__", ())
        return any(Path(str(entry)).is_relative_to(root) for entry in paths)
    file = Path(path).resolve()
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _import_what_is_needed() -> None:
    """Import what Assay would import later by names that the project has then."""
    import assay.proof.describe
    import assay.proof.fix.plan  # noqa: F401


def _importable_names(folder: Path) -> set[str]:
    """The modules and packages that lie in a folder; not folders that are packages only because nothing else is."""
    try:
        entries = list(folder.iterdir())
    except OSError:
        return set()
    suffixes = tuple(all_suffixes())
    modules = {entry.name.partition(".")[0] for entry in entries if entry.name.endswith(suffixes)}
    return modules | {entry.name for entry in entries if (entry / "__init__.py").is_file()}
