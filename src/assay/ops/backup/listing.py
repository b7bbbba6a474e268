"""The backups of a store, and in what state each is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from assay.errors import BackupError
from assay.ops.backup.manifest import MANIFEST, Contents, Manifest, begun, decode
from assay.ops.backup.retention import Dated, State
from assay.ops.backup.stores import Store, StoredFile

LATEST = "latest"
"""Stands for the id of the newest complete backup."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A backup in a store."""

    id: str
    state: State
    created: datetime
    """By its manifest; without one, when something of it was last written."""
    size: int
    """Bytes of all files that there are."""
    manifest: Manifest | None = None
    why: str = ""
    """What is wrong with it."""

    @property
    def dated(self) -> Dated:
        """As a retention policy looks at it."""
        found = self.manifest
        series = f"{found.place}, {found.contents}" if found is not None else ""
        return Dated(self.id, self.created, self.state, series)


async def list_backups(store: Store) -> tuple[Listed, ...]:
    """All backups of a store, the newest first. Sizes are compared with the manifests; ``verify`` reads the files.

    Raises BackupError when the store cannot be read.
    """
    there = await store.listing()
    found = await asyncio.gather(*(_look(store, name, files) for name, files in there.items()))
    return tuple(sorted(found, key=lambda one: (one.created, one.id), reverse=True))


async def find_backup(store: Store, name: str, place: str | None = None) -> Manifest:
    """The manifest of a complete backup.

    Args:
        store: where it is kept.
        name: its id, the beginning of one that no other has, or ``latest``: the newest complete one of everything.
        place: of the database that ``latest`` speaks of, where the store has backups of several.

    Raises BackupError when there is none, or it is not complete.
    """
    listed = await list_backups(store)
    if name == LATEST:
        return _latest(listed, store, place)
    fitting = [one for one in listed if one.id == name] or [one for one in listed if one.id.startswith(name)]
    if not name or not fitting:
        raise BackupError(f"{store.place} has no backup {name!r}; assay backup list shows what there is")
    if len(fitting) > 1:
        raise BackupError(f"{len(fitting)} backups begin with {name!r}: {', '.join(one.id for one in fitting[:3])}")
    (one,) = fitting
    if one.manifest is None or one.state is not State.COMPLETE:
        raise BackupError(f"The backup {one.id} is {one.state}: {one.why}; choose another one")
    return one.manifest


def _latest(listed: Sequence[Listed], store: Store, place: str | None) -> Manifest:
    good = [one.manifest for one in listed if one.manifest is not None and one.state is State.COMPLETE]
    whole = [found for found in good if found.contents is Contents.ALL]
    if len({found.place for found in whole}) > 1:
        whole = [found for found in whole if found.place == place]
        if not whole:
            raise BackupError(f"{store.place} has backups of several databases, and none of {place}; give an id")
    if not whole:
        raise BackupError(f"{store.place} has no complete backup; assay backup list shows what there is")
    return whole[0]


async def _look(store: Store, name: str, files: tuple[StoredFile, ...]) -> Listed:
    size = sum(file.size for file in files if file.path != MANIFEST)
    if not any(file.path == MANIFEST for file in files):
        last = max((file.changed for file in files), default=begun(name))
        return Listed(name, State.INCOMPLETE, last, size, None, "it has no manifest: it is under way, or was stopped")
    try:
        manifest = decode(await store.read(name, MANIFEST), name)
    except BackupError as error:
        return Listed(name, State.CORRUPT, begun(name), size, None, error.message)
    sizes = {file.path: file.size for file in files}
    wrong = [file.path for file in manifest.files if sizes.get(file.path) != file.size]
    if wrong:
        why = f"{wrong[0]} is missing or not of its size" + (f", and {len(wrong) - 1} more" if wrong[1:] else "")
        return Listed(name, State.CORRUPT, manifest.started, size, manifest, why)
    return Listed(name, State.COMPLETE, manifest.started, size, manifest)
