"""A backup's files brought to this machine, and compared with what the manifest says of them."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from assay.ops.backup.compare import Difference
from assay.ops.backup.files import measure
from assay.ops.backup.manifest import BackupFile, Manifest
from assay.ops.backup.stores import LocalStore, Store
from assay.ops.backup.together import together


@asynccontextmanager
async def fetched(store: Store, manifest: Manifest) -> AsyncIterator[Path]:
    """The folder of a backup on this machine, for the length of a block.

    Files of a store elsewhere come to a folder for temporary files (``TMPDIR``), which needs the room.

    Raises BackupError when the store cannot be read.
    """
    here = store.folder(manifest.id)
    if here is not None:
        yield here
        return
    with tempfile.TemporaryDirectory(prefix="assay-restore-") as folder:
        spool = LocalStore(Path(folder))
        for file in manifest.files:
            await spool.put(manifest.id, file.path, store.chunks(manifest.id, file.path))
        yield spool.folder(manifest.id)


async def find_damage(manifest: Manifest, folder: Path) -> tuple[Difference, ...]:
    """The files of a backup that are not what the manifest says."""
    async with together() as group:
        looking = [group.create_task(_difference(file, folder)) for file in manifest.files]
    return tuple(found for task in looking if (found := task.result()) is not None)


async def _difference(file: BackupFile, folder: Path) -> Difference | None:
    try:
        found = await measure(folder, file.path)
    except OSError as error:
        return Difference(file.path, f"{file.path} cannot be read: {error.strerror}")
    if found.size != file.size:
        return Difference(file.path, f"{file.path} has {found.size:,} bytes, {file.size:,} were written")
    if found.sha256 != file.sha256:
        return Difference(file.path, f"{file.path} has another checksum than when it was written")
    return None
