"""The manifest of a backup: what it is of, what its files are, and what the tables held."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

import msgspec

from assay.errors import BackupError
from assay.ops.contents import TableContents

MANIFEST = "manifest.json"
"""Its name; a backup without it is not complete."""
FORMAT = 1
"""The version of the manifest that this Assay writes, and the newest that it reads."""

_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9_]+-[0-9a-f]{6}")


class Contents(StrEnum):
    """What of the database is in a backup."""

    ALL = "all"
    SCHEMA = "schema"
    DATA = "data"


class Archive(StrEnum):
    """How pg_dump writes it (manual, pg_dump, option ``--format``)."""

    CUSTOM = "custom"
    """One compressed file."""
    DIRECTORY = "directory"
    """A folder with a file a table, which several jobs can write and read at once."""


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file of a backup."""

    path: str
    """Below the backup's folder, with ``/``."""
    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Properties:
    """What a database is created with (manual, CREATE DATABASE)."""

    encoding: str
    collate: str
    ctype: str
    provider: str = "libc"
    """``libc``, ``icu`` or ``builtin``."""
    locale: str | None = None
    """Of ICU or the built-in provider."""
    icu_rules: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaSeal:
    """What a schema is recognised by."""

    fingerprint: str
    kinds: dict[str, tuple[int, str]]
    """How many objects of each kind there are, and a hash of their names; of columns, of their types too."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """All that is known of a complete backup. Nothing in it is secret."""

    id: str
    place: str
    """The database in words, without user and password."""
    database: str
    contents: Contents
    archive: Archive
    started: datetime
    """UTC, by this machine's clock."""
    finished: datetime
    server_clock: datetime
    """The server's clock when it started."""
    server_version: str
    """``18.6``."""
    server_major: int
    program_major: int
    """Of the pg_dump that wrote the archive; a pg_restore must not be older."""
    assay: str
    options: tuple[str, ...]
    """That pg_dump was given."""
    properties: Properties
    schema: SchemaSeal
    tables: tuple[TableContents, ...]
    """Counted in the dump's own snapshot; none for a schema alone."""
    large_objects: int
    files: tuple[BackupFile, ...]
    format: int = FORMAT
    seal: str = ""
    """SHA-256 of the manifest itself, with this empty."""

    @property
    def size(self) -> int:
        """Bytes of all its files, the manifest not counted."""
        return sum(file.size for file in self.files)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def hashed(self) -> bool:
        """Whether the contents of its tables were hashed."""
        return any(table.content is not None for table in self.tables)


def new_id(database: str, now: datetime) -> str:
    """A name for a backup that no other has, however many begin in the same second; sorted, they are in order."""
    word = re.sub(r"[^a-z0-9]+", "_", database.lower()).strip("_")[:40] or "database"
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{word}-{secrets.token_hex(3)}"


def is_id(name: str) -> bool:
    """Whether ``new_id`` could have made it; what else lies in a store is left alone."""
    return _ID.fullmatch(name) is not None


def begun(backup_id: str) -> datetime:
    """When a backup was begun, by its name."""
    return datetime.strptime(backup_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def encode(manifest: Manifest) -> bytes:
    """The manifest as JSON, sealed."""
    sealed = replace(manifest, seal=_seal(manifest))
    return msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n"


def decode(content: bytes, backup_id: str) -> Manifest:
    """Read a manifest.

    Raises BackupError when it is damaged, of a newer Assay, or of another backup.
    """
    try:
        version = msgspec.json.decode(content, type=_Version).format
        if version > FORMAT:
            raise BackupError(f"The backup {backup_id} was made by a newer Assay (manifest {version}); update Assay")
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BackupError(f"The manifest of the backup {backup_id} is damaged: {error}") from None
    if manifest.seal != _seal(manifest):
        raise BackupError(f"The manifest of the backup {backup_id} was changed after it was written")
    if manifest.id != backup_id:
        raise BackupError(f"The manifest in {backup_id} is that of {manifest.id}; was the folder renamed?")
    return manifest


def seal_schema(objects: Iterable[tuple[str, str]]) -> SchemaSeal:
    """What a schema is recognised by.

    Args:
        objects: the kind of each object, and what it is called.
    """
    kinds: dict[str, list[str]] = {}
    for kind, name in sorted(objects):
        kinds.setdefault(kind, []).append(name)
    hashed = {kind: (len(names), _hash("\n".join(names))[:16]) for kind, names in kinds.items()}
    return SchemaSeal(_hash(repr(sorted(hashed.items()))), hashed)


class _Version(msgspec.Struct):
    format: int


def _seal(manifest: Manifest) -> str:
    return sha256(msgspec.json.encode(replace(manifest, seal=""))).hexdigest()


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
