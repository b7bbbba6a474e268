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


@contextlib.contextmanager
def importable(root: Path, folders: Iterable[Path]) -> Iterator[None]:
    """Make the folders importable, and undo it and every import from below the root afterwards.

    Modules from elsewhere that have a name of the project's, such as ``calendar`` where the project has a calendar.py,
    stand aside: when the project's program runs, it is its own that it finds.
    """
    path, modules, writes = list(sys.path), set(sys.modules), sys.dont_write_bytecode
    sys.path[:0] = [str(folder) for folder in folders]
    # Compiled files are told apart by the second they were written in, which is too coarse for a file just edited.
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    aside = _stand_aside(root)
    try:
        yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = writes
        for name in set(sys.modules) - modules:
            if is_below(sys.modules[name], root):
                del sys.modules[name]
        sys.modules.update(aside)


def is_below(module: ModuleType, root: Path) -> bool:
    """Whether a module is the project's."""
    path = getattr(module, "__file__", None)
    if not isinstance(path, str):
        paths: Any = getattr(module, "__path__", ())
        return any(Path(str(entry)).is_relative_to(root) for entry in paths)
    file = Path(path).resolve()
    return file.is_relative_to(root) and "site-packages" not in file.parts


def _stand_aside(root: Path) -> dict[str, ModuleType]:
    loaded = {name.partition(".")[0] for name in sys.modules}
    names = (_importable_names(folder) for folder in import_folders(root))
    taken = (set[str]().union(*names) & loaded) - _OWN - _FIRST
    foreign = {name for name in taken if name in sys.modules and not is_below(sys.modules[name], root)}
    if foreign:
        _import_what_is_needed()
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in foreign}


def _import_what_is_needed() -> None:
    """Import what Assay would import later by names that the project has then."""
    import assay.proof.describe
    import assay.proof.fix.plan
    import assay.server.embedded
    import assay.server.templates  # noqa: F401


def _importable_names(folder: Path) -> set[str]:
    """The modules and packages that lie in a folder; not folders that are packages only because nothing else is."""
    found: set[str] = set()
    try:
        entries = list(folder.iterdir())
    except OSError:
        return found
    suffixes = tuple(all_suffixes())
    for entry in entries:
        if entry.name.endswith(suffixes):
            found.add(entry.name.partition(".")[0])
        elif (entry / "__init__.py").is_file():
            found.add(entry.name)
    return found
