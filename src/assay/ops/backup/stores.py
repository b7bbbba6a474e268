"""Where backups are kept: what every store can do, and a folder as one."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from assay.errors import BackupError
from assay.ops.backup.files import settle
from assay.ops.backup.manifest import MANIFEST, is_id
from assay.proof.wholefiles import replace_file


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as a store lists it."""

    path: str
    """Below the backup's folder, with ``/``."""
    size: int
    """Bytes."""
    changed: datetime
    """UTC, by the store's clock."""


class Store(Protocol):
    """Keeps backups, each in a folder of its own that is named after it.

    Every method raises BackupError, which names the store and says why, when it cannot do its work.
    """

    @property
    def place(self) -> str:
        """The store in words, without credentials."""
        ...

    async def prepare(self) -> None:
        """See to it that a backup can be written."""
        ...

    async def listing(self) -> dict[str, tuple[StoredFile, ...]]:
        """All backups with their files, whether complete or not."""
        ...

    async def read(self, backup_id: str, path: str) -> bytes:
        """A small file."""
        ...

    async def write(self, backup_id: str, path: str, content: bytes) -> None:
        """Write a small file, whole or not at all."""
        ...

    async def remove(self, backup_id: str, path: str) -> None:
        """Remove a file; it is no error when it is gone."""
        ...

    async def remove_all(self, backup_id: str) -> None:
        """Remove what there is of a backup, its manifest first, so that it is never taken for a complete one."""
        ...

    def folder(self, backup_id: str) -> Path | None:
        """Where the backup's files lie on this machine; None for a store elsewhere."""
        ...

    async def put(self, backup_id: str, path: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file of any size, whole or not at all, never holding more than a few pieces of it in memory."""
        ...

    def chunks(self, backup_id: str, path: str) -> AsyncIterator[bytes]:
        """Read a file of any size, piece by piece."""
        ...


class LocalStore:
    """A folder on this machine. Only its owner can read what is written there."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.root)

    async def prepare(self) -> None:
        """Make the folder, and try whether it can be written to."""
        probe = self.root / f".probe-{secrets.token_hex(4)}"
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe.touch(0o600)
            probe.unlink()
        except OSError as error:
            raise self._failed("written to", error) from None

    async def listing(self) -> dict[str, tuple[StoredFile, ...]]:
        """The folders named like backups."""
        try:
            folders = [path for path in self.root.iterdir() if is_id(path.name) and path.is_dir()]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._failed("read", error) from None
        return {folder.name: _files(folder) for folder in sorted(folders)}

    async def read(self, backup_id: str, path: str) -> bytes:
        """A small file."""
        try:
            return (self.root / backup_id / path).read_bytes()
        except OSError as error:
            raise self._failed("read", error) from None

    async def write(self, backup_id: str, path: str, content: bytes) -> None:
        """Write a small file, which is on the disk when this is done."""
        target = self.root / backup_id / path
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            replace_file(target, content, 0o600)
            settle(target)
            settle(target.parent)
        except OSError as error:
            raise self._failed("written to", error) from None

    async def remove(self, backup_id: str, path: str) -> None:
        """Remove a file, if it is there."""
        try:
            (self.root / backup_id / path).unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("written to", error) from None

    async def remove_all(self, backup_id: str) -> None:
        """Remove the manifest, then the folder."""
        await self.remove(backup_id, MANIFEST)
        try:
            await asyncio.to_thread(shutil.rmtree, self.root / backup_id)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._failed("written to", error) from None

    def folder(self, backup_id: str) -> Path:
        """Where the files lie."""
        return self.root / backup_id

    async def put(self, backup_id: str, path: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file under another name, then rename it."""
        target = self.root / backup_id / path
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            with os.fdopen(_private(str(part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
                async for chunk in chunks:
                    await asyncio.to_thread(file.write, chunk)
            part.replace(target)
        except OSError as error:
            raise self._failed("written to", error) from None
        finally:
            part.unlink(missing_ok=True)

    async def chunks(self, backup_id: str, path: str) -> AsyncIterator[bytes]:
        """Read a file in pieces of a megabyte."""
        try:
            with (self.root / backup_id / path).open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, 1 << 20):
                    yield chunk
        except OSError as error:
            raise self._failed("read", error) from None

    def _failed(self, what: str, error: OSError) -> BackupError:
        return BackupError(f"The store {self.place} cannot be {what}: {error.filename or ''}: {error.strerror}")


def _files(folder: Path) -> tuple[StoredFile, ...]:
    files = []
    for path in sorted(folder.rglob("*")):
        with suppress(FileNotFoundError):  # another process is removing it
            status = path.stat()
            if path.is_file():
                changed = datetime.fromtimestamp(status.st_mtime, UTC)
                files.append(StoredFile(path.relative_to(folder).as_posix(), status.st_size, changed))
    return tuple(files)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
