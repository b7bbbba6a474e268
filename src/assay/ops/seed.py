"""Seeds: files of SQL and Python that fill a database with the rows that people work with."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from assay.config import DatabaseUrl
from assay.errors import DatabaseError, Error, UsageError
from assay.ops.seed_python import PythonSeed, read_python, run_python
from assay.ops.seed_repeats import is_allowed, repeats_of_python, repeats_of_sql
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.runtime.reports import line_and_column
from assay.sql.splitting import Obstacle, Statement, split_statements

COMMON = "common"
"""The subfolder whose seeds are loaded in every environment."""

_CONTROL = frozenset({"abort", "begin", "commit", "end", "rollback", "start"})
_OBSTACLES = {
    Obstacle.BACKSLASH: "a backslash command is understood by psql alone; write it as SQL",
    Obstacle.COPY: "COPY from standard input is understood by psql alone; write the rows as INSERT",
}
_UNDEFINED = frozenset({"42P01", "42703"})
_ROWS = re.compile(r"(?:INSERT \d+|UPDATE|DELETE|MERGE|COPY) (\d+)")


@dataclass(frozen=True, slots=True)
class Seeded:
    """A seed file that was loaded."""

    file: Path
    rows: int
    """Inserted, updated and deleted by all its statements."""
    seconds: float


@dataclass(frozen=True, slots=True)
class _Script:
    file: Path
    text: str
    statements: tuple[Statement, ...]

    def place(self, offset: int) -> str:
        line, column = line_and_column(self.text, offset + 1)
        return f"{self.file}:{line}:{column}"


def seed_files(folder: Path, environment: str | None = None) -> tuple[Path, ...]:
    """The files to load, in order: the folder's own, those of ``common``, those of the environment, each by name.

    A file's name ends in ``.sql`` or ``.py``; one that begins with ``_`` is for others to import.

    Raises:
        UsageError: the folder is not there, or has no subfolder for the environment.
    """
    if not folder.is_dir():
        raise UsageError(
            f"There is no folder {folder}; put seeds there, as files of SQL or Python that are loaded in name order"
        )
    folders = [folder, folder / COMMON]
    if environment is not None:
        folders.append(_environment_folder(folder, environment))
    there = [place for place in dict.fromkeys(folders) if place.is_dir()]
    return tuple(file for place in there for file in sorted(place.iterdir()) if _is_seed(file))


async def load(url: DatabaseUrl, files: Sequence[Path], *, once: bool = False) -> AsyncGenerator[Seeded]:
    """Load files one after the other, each in a transaction of its own, saying of each when it is done.

    Args:
        url: the database.
        files: from ``seed_files``.
        once: the database is new, so that it does not matter what a second run would do.

    Raises:
        UsageError: a file cannot be read, holds what cannot be sent, ends its transaction, or would add the same rows
            again; then none is loaded. A Python seed raised something else than one of Assay's errors.
        DatabaseError: the server refused a statement; the message begins with file and line. Files before it stay
            loaded, its own changes are rolled back.
        ConnectionFailed: the database cannot be reached.
    """
    for seed in [_read_python(file, once) if file.suffix == ".py" else _read(file, once) for file in files]:
        started = perf_counter()
        rows = await (_load_script(url, seed) if isinstance(seed, _Script) else run_python(url, seed))
        yield Seeded(seed.file, rows, perf_counter() - started)


async def _load_script(url: DatabaseUrl, script: _Script) -> int:
    # A connection for each: what one file sets, the next does not inherit.
    connection = await open_connection(url)
    try:
        return await _run(connection, script)
    finally:
        await connection.close()


def _is_seed(file: Path) -> bool:
    return file.suffix in (".sql", ".py") and not file.name.startswith("_") and file.is_file()


def _environment_folder(folder: Path, environment: str) -> Path:
    names = sorted(place.name for place in folder.iterdir() if place.is_dir() and place.name != COMMON)
    if environment in (*names, COMMON):
        return folder / environment
    known = f"there are {', '.join(names)}" if names else "there are no environments"
    raise UsageError(f"{folder} has no environment {environment!r}; {known}")


def _read_python(file: Path, once: bool) -> PythonSeed:
    text = _text(file)
    seed = read_python(file, text)
    for found in () if once or is_allowed(text, python=True) else repeats_of_python(text, seed.tree):
        raise UsageError(f"{_Script(file, text, ()).place(found.at)}: {found.text}")
    return seed


def _read(file: Path, once: bool) -> _Script:
    text = _text(file)
    script = _Script(file, text, split_statements(text))
    for statement in script.statements:
        if statement.obstacle is not None:
            place = script.place(statement.start + statement.obstacle_at)
            raise UsageError(f"{place}: {_OBSTACLES[statement.obstacle]}")
        if _ends_transaction(statement.words):
            place = script.place(statement.start + statement.lead)
            raise UsageError(f"{place}: a seed runs in a transaction already; remove {statement.words[0].upper()}")
    for found in () if once or is_allowed(text) else repeats_of_sql(script.statements):
        raise UsageError(f"{script.place(found.at)}: {found.text}")
    return script


def _ends_transaction(words: tuple[str, ...]) -> bool:
    if words[:1] == ("rollback",) and "to" in words[1:3]:
        return False
    return bool(_CONTROL.intersection(words[:1])) or words[:2] == ("prepare", "transaction")


def _text(file: Path) -> str:
    try:
        script = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: byte {error.start + 1} is not valid; save it as UTF-8") from None
    if "\0" in script:
        line, column = line_and_column(script, script.index("\0") + 1)
        raise UsageError(f"{file}:{line}:{column}: the file holds a NUL character; remove it")
    return script


async def _run(connection: DriverConnection, script: _Script) -> int:
    rows, statement = 0, None
    try:
        async with connection.transaction():
            for statement in script.statements:
                rows += _affected(await connection.execute(statement.text))
            statement = None
    except DRIVER_ERRORS as error:
        raise _placed(translate(error), script, statement) from error
    return rows


def _placed(error: Error, script: _Script, statement: Statement | None) -> Error:
    """The error with the place in the file where it happened; the server's own place counts from the statement."""
    if not isinstance(error, DatabaseError):
        return error
    place = str(script.file)
    if statement is not None:
        place = script.place(statement.start + (error.position - 1 if error.position else statement.lead))
    message = re.sub(r" \(line \d+, column \d+\)", "", error.message, count=1)
    advice = "; is a migration missing? See: assay migrate info" if error.sqlstate in _UNDEFINED else ""
    error.args = (f"{place}: {message}{advice}",)
    return error


def _affected(tag: str) -> int:
    match = _ROWS.fullmatch(tag)
    return int(match[1]) if match else 0
