"""New, empty migrations: their version, kind and files.

The rules are those that ``sqlx migrate add --help`` states (sqlx-cli 0.9). The tool itself counts the two files of a
reversible migration as two migrations, and so goes over from numbers to timestamps after each; that is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from assay.errors import MigrationError
from assay.migrate.files import DOWN_SUFFIX, LARGEST_VERSION, SIMPLE_SUFFIX, UP_SUFFIX, load_if_any
from assay.migrate.model import Kind, Migration

_BETWEEN_WORDS = re.compile(r"[\s_-]+")


def add(
    folder: Path,
    description: str,
    *,
    kind: Kind | None = None,
    sequential: bool | None = None,
    now: datetime | None = None,
) -> tuple[Path, ...]:
    """Create the file or the two files of a new migration, and the folder if there is none.

    Args:
        folder: where the migrations are.
        description: what it is to do, in words; spaces become underscores in the file's name.
        kind: whether to create a down file; as the last migration has it unless given.
        sequential: whether to count versions up or to use the time; as the last two migrations have it unless given.
        now: the time to use, in UTC.

    Raises MigrationError when the description cannot be part of a file's name or the folder is not as it should be.
    """
    name = _file_name_part(description)
    migrations = _existing(folder)
    version = next_version(migrations, sequential=sequential, now=now)
    if kind is None:
        kind = migrations[-1].kind if migrations else Kind.SIMPLE
    suffixes = [SIMPLE_SUFFIX] if kind is Kind.SIMPLE else [UP_SUFFIX, DOWN_SUFFIX]
    paths = tuple(folder / f"{version}_{name}{suffix}" for suffix in suffixes)
    for path in paths:
        _create(path, _first_line(description, path))
    return paths


def next_version(
    migrations: Sequence[Migration], *, sequential: bool | None = None, now: datetime | None = None
) -> str:
    """The version of the next migration as its file's name has it: four digits or more, or YYYYMMDDHHMMSS.

    A timestamp is moved ahead if need be, so that it is above those that are there, and not by one: that would read as
    a sequence. (SQLx gives two migrations that are added within one second the same version.)
    """
    latest = migrations[-1].version if migrations else 0
    if latest >= LARGEST_VERSION:
        raise MigrationError(f"There is no version above {latest}, the largest that there can be")
    if _is_sequential(migrations) if sequential is None else sequential:
        return f"{latest + 1:04}"
    return str(max(int((now or datetime.now(UTC)).strftime("%Y%m%d%H%M%S")), min(latest + 2, LARGEST_VERSION)))


def _is_sequential(migrations: Sequence[Migration]) -> bool:
    match [migration.version for migration in migrations[-2:]]:
        case [previous, latest]:
            return latest - previous == 1
        case [only]:
            return only in (0, 1)
        case _:
            return False


def _existing(folder: Path) -> tuple[Migration, ...]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MigrationError(f"The folder {folder} cannot be created: {error.strerror}") from None
    return load_if_any(folder)


def _file_name_part(description: str) -> str:
    words = "_".join(description.split())
    if not words or "/" in words or "\0" in words or not words.isprintable():
        raise MigrationError(
            f"The description {description!r} cannot be part of a file's name; give some words, such as: create devices"
        )
    return words


def _first_line(description: str, path: Path) -> str:
    purpose = " ".join(_BETWEEN_WORDS.split(description)).strip() or description
    return f"-- Revert: {purpose}\n" if path.name.endswith(DOWN_SUFFIX) else f"-- {purpose.capitalize()}\n"


def _create(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise MigrationError(f"{path} is there already; choose another description") from None
    except OSError as error:
        raise MigrationError(f"{path} cannot be created: {error.strerror}") from None
