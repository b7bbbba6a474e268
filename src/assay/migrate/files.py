"""The folder of migrations, read.

A file's name is ``<version>_<description>`` and one of the suffixes ``.sql``, ``.up.sql`` and ``.down.sql``; SQLx's
``sqlx-core/src/migrate/source.rs`` is the source of these rules. Where SQLx passes over a file, or fails at it only
when its turn has come, ``load`` refuses it before anything is run. What does not end in ``.sql`` is passed over.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.errors import MigrationError
from assay.migrate.model import Migration, Script
from assay.migrate.squashed import read_replaced
from assay.migrate.timeouts import read_timeouts

SIMPLE_SUFFIX = ".sql"
UP_SUFFIX = ".up.sql"
DOWN_SUFFIX = ".down.sql"

LARGEST_VERSION = 2**63 - 1
NO_TRANSACTION = "-- no-transaction"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_NAME = re.compile(r"(?P<version>[0-9]+)_(?P<rest>.*\.sql)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a migration's file says."""

    version: int
    description: str
    suffix: str
    """One of SIMPLE_SUFFIX, UP_SUFFIX and DOWN_SUFFIX."""


def parse_name(name: str) -> FileName | None:
    """Read the name of a file; None when it does not end in ``.sql``, so that it is no migration.

    Raises MigrationError when it does, and is not ``<version>_<description>``.
    """
    if not name.lower().endswith(SIMPLE_SUFFIX):
        return None
    match = _NAME.fullmatch(name)
    if match is None:
        raise MigrationError(_misnamed(name))
    version = int(match["version"]) if len(match["version"]) < 100 else LARGEST_VERSION + 1
    if version > LARGEST_VERSION:
        raise MigrationError(
            f"{name}: the version {match['version'][:30]} is too large; a version is at most {LARGEST_VERSION}"
        )
    suffix = next(end for end in (UP_SUFFIX, DOWN_SUFFIX, SIMPLE_SUFFIX) if match["rest"].endswith(end))
    return FileName(version, _description(match["rest"], suffix), suffix)


def load(source: Path | str) -> tuple[Migration, ...]:
    """Read the migrations of a folder, by ascending version.

    Raises MigrationError, naming the file, when the folder cannot be read or has no migration in it, a name is not
    ``<version>_<description>``, a version is there twice, a down file lacks its up file, or a text is not UTF-8, begins
    with a byte order mark or has a NUL character.
    """
    folder = Path(source)
    migrations = load_if_any(folder)
    if not migrations:
        raise MigrationError(
            f"The folder {folder} has no migrations; a migration is a file <version>_<description>.sql, "
            "which assay migrate add creates"
        )
    return migrations


def load_if_any(folder: Path) -> tuple[Migration, ...]:
    """The same as ``load``, and nothing when the folder has no migrations."""
    found: dict[int, dict[str, tuple[Path, str]]] = {}
    for path in _listing(folder):
        try:
            name = parse_name(path.name)
        except MigrationError as error:
            raise MigrationError(f"{folder}: {error}") from None
        if name is not None:
            _refuse_no_file(path)
            _place(found.setdefault(name.version, {}), name, path)
    return tuple(_migration(version, found[version]) for version in sorted(found))


def fingerprint(migrations: Iterable[Migration]) -> str:
    """A digest of what migrations build, as 64 hexadecimal digits; down files and descriptions are not part of it."""
    digest = hashlib.sha256()
    for migration in migrations:
        digest.update(migration.version.to_bytes(8, "big") + migration.checksum)
    return digest.hexdigest()


def checksum(content: bytes) -> bytes:
    """The SHA-384 of a file's bytes: 48 bytes."""
    return hashlib.sha384(content).digest()


def as_migrations(source: Path | str | Sequence[Migration]) -> tuple[Migration, ...]:
    """Migrations from a folder, or those given."""
    return load(source) if isinstance(source, (str, Path)) else tuple(source)


def _listing(folder: Path) -> list[Path]:
    """What lies in a folder, by name; hidden files are passed over."""
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        raise MigrationError(
            f"There is no folder {folder}; create it with assay migrate add, or name another with --source"
        ) from None
    except OSError as error:
        raise MigrationError(f"The folder {folder} cannot be read: {error.strerror}") from None


def _refuse_no_file(path: Path) -> None:
    """Refuse what has the name of a migration and is none, which would be missed if it were passed over."""
    try:
        if path.is_file():
            return
        if path.is_dir():
            what = "is a folder with the name of a migration; rename it, or move it elsewhere"
        elif path.is_symlink():
            what = f"is a link to {path.readlink()}, and there is no file; restore the file, or remove the link"
        else:
            what = "has the name of a migration and is no ordinary file; put a file in its place"
    except OSError as error:
        raise MigrationError(f"{path} cannot be read: {error.strerror}") from None
    raise MigrationError(f"{path} {what}")


def _misnamed(name: str) -> str:
    return (
        f"{name!r} is not the name of a migration; it must be <version>_<description>.sql, such as "
        "20251122000001_create_devices.sql, or end in .up.sql or .down.sql; rename it, or move it to another folder. "
        "Where another tool's migrations are here, name another folder as migrations in [tool.assay], and a database "
        "that has the schema with DATABASE_URL"
    )


def _description(rest: str, suffix: str) -> str:
    while rest.endswith(suffix):  # SQLx takes the suffix away as often as it is there
        rest = rest.removesuffix(suffix)
    return rest.replace("_", " ")


def _place(files: dict[str, tuple[Path, str]], name: FileName, path: Path) -> None:
    """Put a file beside the others of its version; a version has one file up, and at most one down."""
    role = DOWN_SUFFIX if name.suffix == DOWN_SUFFIX else UP_SUFFIX
    other = files.setdefault(role, (path, name.description))[0]
    if other != path:
        raise MigrationError(
            f"Version {name.version} is there twice, in {other} and {path.name}; "
            "give the one that has not been applied anywhere a new version"
        )


def _migration(version: int, files: dict[str, tuple[Path, str]]) -> Migration:
    down = files.get(DOWN_SUFFIX)
    if UP_SUFFIX not in files:
        path = files[DOWN_SUFFIX][0]
        raise MigrationError(f"{path} has no file that it reverts; add the .up.sql file of version {version}")
    up_path, description = files[UP_SUFFIX]
    if down is not None and down[1] != description:
        raise MigrationError(
            f"{up_path} and {down[0].name} have the same version and different descriptions; "
            "if they belong together, name them alike, and otherwise give one a new version"
        )
    return Migration(version, description, _script(up_path), _script(down[0]) if down else None)


def _script(path: Path) -> Script:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MigrationError(f"{path} cannot be read: {error.strerror}") from None
    text = _decoded(path, content)
    return Script(
        path,
        text,
        checksum(content),
        text.startswith(NO_TRANSACTION),
        read_timeouts(path, text),
        read_replaced(text),
    )


def _decoded(path: Path, content: bytes) -> str:
    if content.startswith(BYTE_ORDER_MARK):
        raise MigrationError(
            f"{path} begins with a byte order mark, which PostgreSQL takes for part of the first word; "
            "save the file as UTF-8 without a byte order mark"
        )
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        hint = "; it looks like UTF-16, save it as UTF-8" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ""
        raise MigrationError(f"{path}:{line}: there is a NUL character, which no text in PostgreSQL can have{hint}")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise MigrationError(
            f"{path}:{line}: the byte 0x{content[error.start]:02X} is not valid UTF-8; save the file as UTF-8"
        ) from None
