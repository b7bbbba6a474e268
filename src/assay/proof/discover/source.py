"""A parsed file of the project."""

from __future__ import annotations

import ast
import sys
import warnings
from bisect import bisect_right
from functools import cached_property
from pathlib import Path

from assay.proof.discover.files import module_name, read_python
from assay.proof.discover.model import Place, Unreadable
from assay.proof.discover.scopes import Scope
from assay.proof.discover.survey import Found, survey
from assay.sql.files import read_sql_file


class Source:
    """A file's text, its tree, and the names bound in it."""

    def __init__(self, path: Path, shown: str, name: str | None, text: str, tree: ast.Module) -> None:
        self.path = path
        self.shown = shown
        """The path for reports, relative to the root."""
        self.name = name
        """The dotted name it is imported by, or None when it has none."""
        self.text = text
        self.tree = tree

    @cached_property
    def found(self) -> Found:
        """Its scopes and its calls of methods that may be the runtime's."""
        return survey(self.tree)

    @property
    def scope(self) -> Scope:
        """The names of the module itself."""
        return self.found.module

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        name = self.name or ""
        return name if self.path.name == "__init__.py" else name.rpartition(".")[0]

    @cached_property
    def _lines(self) -> list[int]:
        starts = [0]
        end = self.text.find("\n")
        while end >= 0:
            starts.append(end + 1)
            end = self.text.find("\n", end + 1)
        return starts

    def offset(self, line: int, byte_column: int) -> int:
        """Where in the text a position of the tree lies; trees count columns in bytes of UTF-8."""
        start = self._lines[line - 1]
        end = self._lines[line] if line < len(self._lines) else len(self.text)
        row = self.text[start:end]
        return start + (byte_column if row.isascii() else len(row.encode()[:byte_column].decode()))

    def span(self, node: ast.expr) -> tuple[int, int]:
        """Where in the text an expression begins and ends."""
        line, column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(line, column)

    def place(self, node: ast.expr | ast.stmt) -> Place:
        """Where a node begins."""
        return self.place_at(self.offset(node.lineno, node.col_offset))

    def place_at(self, offset: int) -> Place:
        """The line and column of a character of the text."""
        line = bisect_right(self._lines, offset)
        return Place(self.shown, line, offset - self._lines[line - 1] + 1)


_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def read_source(path: Path, root: Path) -> Source | Unreadable:
    """Parse a file, or say why it cannot be parsed."""
    shown = _shown(path, root)
    try:
        text = read_python(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, shown)
    except SyntaxError as error:
        why = f"it is not valid Python {_PYTHON}: {error.msg}"
        return Unreadable(Place(shown, error.lineno or 1, error.offset or 1), why)
    except UnicodeDecodeError as error:
        return Unreadable(Place(shown, 1, 1), f"its bytes are not {error.encoding}")
    except OSError as error:
        return Unreadable(Place(shown, 1, 1), f"it cannot be opened: {error.strerror}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Unreadable(Place(shown, 1, 1), f"it cannot be parsed: {str(error) or 'it is nested too deeply'}")
    return Source(path, shown, module_name(path, root), text, tree)


def read_sql(path: Path, root: Path) -> Source:
    """A file of SQL, for its text and the places in it; raises UsageError for one that cannot be read."""
    return Source(path, _shown(path, root), None, read_sql_file(path), ast.Module([], []))


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
