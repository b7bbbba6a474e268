"""Seeds in Python: files with ``async def seed(db: assay.Executor) -> None``."""

from __future__ import annotations

import ast
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from assay.config import DatabaseUrl, load_settings
from assay.errors import Error, UsageError
from assay.runtime.connection import connect
from assay.runtime.executor import Executor

_FUNCTION = "seed"
_WANTED = f"define async def {_FUNCTION}(db: assay.Executor) -> None"
_CHANGED = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_xact_user_tables
"""


@dataclass(frozen=True, slots=True)
class PythonSeed:
    """A seed in Python, read but not run."""

    file: Path
    source: str
    tree: ast.Module


def read_python(file: Path, source: str) -> PythonSeed:
    """A seed in Python.

    Raises UsageError for what is not Python, or has no such function.
    """
    try:
        tree = ast.parse(source, str(file))
    except SyntaxError as error:
        raise UsageError(f"{file}:{error.lineno}:{error.offset}: this is not Python: {error.msg}") from None
    if not any(isinstance(node, ast.AsyncFunctionDef) and node.name == _FUNCTION for node in tree.body):
        raise UsageError(f"{file}: there is no seed in it; {_WANTED}")
    return PythonSeed(file, source, tree)


async def run_python(url: DatabaseUrl, seed: PythonSeed) -> int:
    """Run a seed in a transaction; how many rows it inserted, updated and deleted, as the server counts them.

    The file can import what the project's root, its ``src`` and its own folder have.

    Raises UsageError, with file and line, for what the seed raises, unless that is one of Assay's errors: it is then
    raised itself, with file and line before its message.
    """
    with _importing(seed.file):
        function = _function(seed)
        async with await connect(url) as connection:
            try:
                async with connection.transaction() as db:
                    await function(db)
                    return await db.fetch_one(int, _CHANGED)
            except Exception as error:
                raise _placed(error, seed.file) from error


def _function(seed: PythonSeed) -> Callable[[Executor], Awaitable[None]]:
    spec = spec_from_file_location(f"assay_seed_{seed.file.stem}", seed.file)
    assert spec is not None  # noqa: S101 - its name ends in .py
    module = module_from_spec(spec)
    try:
        exec(compile(seed.tree, str(seed.file), "exec"), module.__dict__)  # noqa: S102 - it is the user's own seed
    except Exception as error:
        raise _placed(error, seed.file) from error
    function: Any = getattr(module, _FUNCTION, None)
    if not inspect.iscoroutinefunction(function):
        raise UsageError(f"{seed.file}: {_FUNCTION} is not a coroutine function; {_WANTED}")
    return function  # type: ignore[no-any-return]  # what it takes is seen when it is called


@contextmanager
def _importing(file: Path) -> Iterator[None]:
    root = load_settings(file.parent).root
    before = list(sys.path)
    sys.path[:0] = [str(path) for path in (root, root / "src", file.parent.resolve()) if path.is_dir()]
    try:
        yield
    finally:
        sys.path[:] = before


def _placed(error: Exception, file: Path) -> Error:
    """The error with the line of the seed that it came from."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    place = f"{file}:{lines[-1]}" if lines else str(file)
    if isinstance(error, Error):
        error.args = (f"{place}: {error.message}",)
        return error
    return UsageError(f"{place}: the seed failed: {type(error).__name__}: {error}")
