"""The Python files of a project: which they are, how they are read, and by what name they are imported."""

from __future__ import annotations

import io
import os
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Names of folders that hold no code of the project; hidden folders and virtual environments are skipped too."""


def python_files(sources: Iterable[Path], skip: Iterable[Path] = ()) -> list[Path]:
    """Every ``.py`` file in the given folders and files, each once, sorted; folders in ``skip`` are left out."""
    left_out = {path.resolve() for path in skip}
    found: dict[Path, None] = {}
    for source in sources:
        paths = [source] if source.is_file() else _walk(source, left_out)
        found.update(dict.fromkeys(path.resolve() for path in paths))
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
    data = path.read_bytes()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return io.TextIOWrapper(io.BytesIO(data), encoding).read()


def import_folders(root: Path) -> tuple[Path, ...]:
    """The folders that the project's modules are imported from: ``src`` where there is one, and the root."""
    return (root / "src", root) if (root / "src").is_dir() else (root,)


def module_name(path: Path, root: Path) -> str | None:
    """The dotted name a file is imported by, or None when its path cannot be a module's.

    A package whose topmost folder lies elsewhere than in the root or ``src`` has the name it has there.
    """
    for folder in import_folders(root):
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).with_suffix("").parts
            break
    else:
        parts = path.with_suffix("").parts[-1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None
