"""The Python files of a project: which they are, how they are read, and by what name they are imported."""

from __future__ import annotations

import errno
import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

SKIPPED = frozenset({"__pycache__", "migrations", "node_modules", "site-packages"})
"""Names of folders that hold no code of the project; hidden folders and virtual environments are skipped too."""


def python_files(sources: Iterable[Path], skip: Iterable[Path] = ()) -> list[Path]:
    """Every ``.py`` file in the given folders and files, each once, sorted; folders in ``skip`` are left out."""
    left_out = {path.resolve() for path in skip}
    found: dict[Path, None] = {}
    for source in sources:
        paths = [source] if source.is_file() else _walk(source, left_out)
        found.update(dict.fromkeys(Path(os.path.realpath(path)) for path in paths))
    return sorted(found)


def _walk(folder: Path, left_out: set[Path]) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = [name for name in folders if _wanted(here / name, left_out)]
        yield from (here / name for name in files if name.endswith(".py"))


def _wanted(folder: Path, left_out: set[Path]) -> bool:
    if folder.name in SKIPPED or folder.name.startswith("."):
        return False
    return folder.resolve() not in left_out and not (folder / "pyvenv.cfg").exists()


def read_python(path: Path) -> str:
    """A file's text in its declared encoding (PEP 263), lines ending in ``\\n``.

    Raises OSError, SyntaxError for an unknown encoding, UnicodeDecodeError for bytes that are not in it.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is not a regular file")  # a pipe would be waited on
    data = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.TextIOWrapper(io.BytesIO(data), encoding).read()


def import_folders(root: Path, files: Iterable[Path] = ()) -> tuple[Path, ...]:
    """The folders that a project's modules are imported from, in the order of ``sys.path``.

    They are ``src`` where there is one, the root, the folder around the root when the root is a package itself, and
    any other folder that one of the files' packages lies in.
    """
    folders = [root / "src"] if (root / "src").is_dir() else []
    folders += [root, _around(root), *(_around(path.parent) for path in files)]
    return tuple(dict.fromkeys(folders))


def module_name(path: Path, root: Path) -> str | None:
    """The dotted name by which a file is imported from one of those folders, or None when it can have none."""
    folders = (root / "src", _around(root), _around(path.parent))
    folder = next(folder for folder in folders if path.is_relative_to(folder))
    parts = path.relative_to(folder).with_suffix("").parts
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _around(folder: Path) -> Path:
    """The folder that the outermost package around lies in; the folder itself when it is no package."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder
