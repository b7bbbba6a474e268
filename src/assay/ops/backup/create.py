"""A backup made: pg_dump and a count of every table on one snapshot, written to a store, the manifest last."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

from assay._version import __version__
from assay.config import DatabaseUrl
from assay.errors import BackupError, UsageError
from assay.ops.backup.databases import Snapshot, schema_seal, snapshot
from assay.ops.backup.files import files_below, flush_until, measure_all
from assay.ops.backup.manifest import MANIFEST, Archive, BackupFile, Contents, Manifest, SchemaSeal, encode, new_id
from assay.ops.backup.programs import output_of, run_program, running
from assay.ops.backup.stores import Store
from assay.ops.backup.together import to_its_end, together
from assay.ops.contents import TableContents, read_contents
from assay.runtime.connecting import DRIVER_ERRORS, translate
from assay.server.client_programs import client_program

Told: TypeAlias = "Callable[[int, int], None]"
"""Is told how many steps are done of how many."""

_DUMPING = re.compile(r"pg_dump: dumping contents of table ")
_CHUNK = 1 << 20
_NOT_COMPRESSED = ("0", "none", "gzip:0", "gzip:level=0")
_ATTEMPTS = 3
_LOCK_SIGNS = ("statement timeout", "lock timeout", "could not obtain lock on relation")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of backup is wanted."""

    contents: Contents = Contents.ALL
    archive: Archive = Archive.CUSTOM
    jobs: int = 1
    """Processes that write a directory."""
    hashed: bool = False
    """Whether the tables' contents are hashed, so that ``verify --content`` can compare them."""
    compress: str | None = None
    """As pg_dump's ``--compress`` takes it: ``6``, ``zstd:3``, ``none``."""

    def check(self) -> None:
        """Raises UsageError for what pg_dump cannot do."""
        if self.jobs > 1 and self.archive is not Archive.DIRECTORY:
            raise UsageError("Several jobs can write a directory only; add --format directory, or leave out --jobs")
        if self.hashed and self.contents is Contents.SCHEMA:
            raise UsageError("A backup of the schema alone has no contents to hash")

    @property
    def plain(self) -> bool:
        """Whether the archive is not compressed."""
        return self.compress is not None and self.compress.lower() in _NOT_COMPRESSED

    def options(self) -> list[str]:
        """The arguments of pg_dump, without those that differ from run to run."""
        options = [f"--format={self.archive}", "--lock-wait-timeout=2000"]
        if self.contents is not Contents.ALL:
            options.append(f"--{self.contents}-only")
        if self.jobs > 1:
            options.append(f"--jobs={self.jobs}")
        if self.compress is not None:
            options.append(f"--compress={self.compress}")
        return options


async def create_backup(
    url: DatabaseUrl,
    store: Store,
    wanted: Wanted | None = None,
    *,
    told: Told | None = None,
    now: datetime | None = None,
) -> Manifest:
    """Back a database up to a store.

    Rows are counted in the snapshot that pg_dump writes, meanwhile. The manifest is written when all else is in the
    store; whatever happens before that, the store shows an incomplete backup or none.

    Args:
        url: the database.
        store: where the backup goes.
        wanted: what kind of backup.
        told: told the progress, in tables.
        now: when it is; the machine's clock unless given.

    Raises BackupError when pg_dump fails or the store does, ServerError when there is no pg_dump for the server,
    ConnectionFailed and the like. What was written so far is then removed.
    """
    wanted = wanted or Wanted()
    wanted.check()
    await store.prepare()
    for _ in range(_ATTEMPTS - 1):
        with suppress(_LockWaited):
            return await _create(url, store, wanted, told, now)
    return await _create(url, store, wanted, told, now)


async def _create(url: DatabaseUrl, store: Store, wanted: Wanted, told: Told | None, now: datetime | None) -> Manifest:
    async with snapshot(url) as state:
        started = now or datetime.now(UTC)
        program = client_program("pg_dump", state.major)
        backup_id = new_id(state.database, started)
        try:
            run = _Run(url, store, wanted, state, program, backup_id, told)
            made = await _all_at_once(run)
            manifest = Manifest(
                id=backup_id, place=url.place, database=state.database, contents=wanted.contents,
                archive=wanted.archive, started=started, finished=max(started, datetime.now(UTC)),
                server_clock=state.clock, server_version=state.version, server_major=state.major,
                program_major=made.program_major, assay=__version__, options=tuple(wanted.options()),
                properties=state.properties, schema=made.schema, tables=made.tables,
                large_objects=state.large_objects, files=made.files,
            )  # fmt: skip
            await store.write(backup_id, MANIFEST, encode(manifest))
        except BaseException as error:
            with suppress(BackupError):
                await to_its_end(store.remove_all(backup_id))
            if isinstance(error, BackupError) and any(sign in error.message for sign in _LOCK_SIGNS):
                raise _LockWaited(error.message) from error
            raise
    return manifest


class _LockWaited(BackupError):
    """Somebody asked for a table for themselves in the moment between our lock and pg_dump's.

    They wait for us, and pg_dump for them: it gives up after two seconds, and all is begun anew behind them.
    """


@dataclass(frozen=True, slots=True)
class _Run:
    url: DatabaseUrl
    store: Store
    wanted: Wanted
    state: Snapshot
    program: Path
    backup_id: str
    told: Told | None
    counting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the tables may be counted.

    What is not compressed takes long to hash, and little of the processor then: the tables are counted in that time,
    and not while pg_dump and its session need two.
    """

    def arguments(self, target: Path | None) -> list[str | Path]:
        # ``flush_until`` has them written to the disk.
        out = [] if target is None else [f"--file={target}", "--no-sync"]
        return ["--no-password", "--verbose", f"--snapshot={self.state.id}", *self.wanted.options(), *out]

    def heard(self) -> Callable[[str], None]:
        """Turns what pg_dump says into progress; the last table is done when pg_dump is."""
        done = 0
        total = max(1, len(self.state.tables))

        def hear(line: str) -> None:
            nonlocal done
            if self.told is not None and _DUMPING.match(line):
                self.told(min(done, total), total)
                done += 1

        return hear


@dataclass(frozen=True, slots=True)
class _Made:
    files: tuple[BackupFile, ...]
    tables: tuple[TableContents, ...]
    schema: SchemaSeal
    program_major: int


async def _all_at_once(run: _Run) -> _Made:
    """The dump written and the tables counted, at the same time; when one fails, the other is stopped."""
    async with together() as group:
        dumping = group.create_task(_dump(run))
        reading = group.create_task(_read(run))
        asking = group.create_task(_major(run.program))
    return _Made(dumping.result(), *reading.result(), asking.result())


async def _read(run: _Run) -> tuple[tuple[TableContents, ...], SchemaSeal]:
    connection, names = run.state.connection, run.state.tables
    if run.wanted.contents is Contents.SCHEMA:
        names = ()
    try:
        seal = await schema_seal(connection)
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    await run.counting.wait()
    return tuple([one async for one in read_contents(connection, names, content=run.wanted.hashed)]), seal


# --- the archive


async def _dump(run: _Run) -> tuple[BackupFile, ...]:
    folder = run.store.folder(run.backup_id)
    if not run.wanted.plain:
        run.counting.set()
    try:
        if folder is not None:
            folder.mkdir(mode=0o700)
            return await _dump_to(run, folder, kept=True)
    except OSError as error:
        raise BackupError(f"The store {run.store.place} cannot be written to: {error.strerror}") from None
    if run.wanted.archive is Archive.CUSTOM:
        run.counting.set()
        return (await _dump_through(run),)
    with tempfile.TemporaryDirectory(prefix="assay-backup-") as spool:
        files = await _dump_to(run, Path(spool), kept=False)
        for file in files:
            await run.store.put(run.backup_id, file.path, _pieces(Path(spool) / file.path))
        return files


async def _dump_to(run: _Run, folder: Path, *, kept: bool) -> tuple[BackupFile, ...]:
    name = archive_name(run.wanted.archive)
    ended = asyncio.Event()
    async with together() as group:
        if kept:
            group.create_task(flush_until(ended, folder))
        await run_program(run.program, run.url, run.arguments(folder / name), heard=run.heard())
        ended.set()
        run.counting.set()
        measuring = group.create_task(measure_all(folder, files_below(folder)))
    return measuring.result()


async def _dump_through(run: _Run) -> BackupFile:
    """The archive sent to the store as pg_dump writes it, so that this machine needs no room for it."""
    name = archive_name(Archive.CUSTOM)
    digest, size = sha256(), 0

    async def written() -> AsyncGenerator[bytes]:
        nonlocal size
        async with running(run.program, run.url, run.arguments(None), heard=run.heard(), piped=True) as process:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            while chunk := await process.stdout.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk

    async with aclosing(written()) as chunks:  # which ends pg_dump when the store fails
        await run.store.put(run.backup_id, name, chunks)
    return BackupFile(name, size, digest.hexdigest())


def archive_name(archive: Archive) -> str:
    """The name of an archive within its backup."""
    return "archive" if archive is Archive.DIRECTORY else "archive.dump"


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk


async def _major(program: Path) -> int:
    found = re.search(r"\) (\d+)", await output_of(program, ["--version"]))
    if found is None:
        raise BackupError(f"{program} does not say what version it is")
    return int(found[1])
