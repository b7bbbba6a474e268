"""Events from a file of JSON lines, which another program may still be writing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

import assay

from .ingest import LONGEST, Batch
from .models import NewEvent

BATCH = 5_000
"""Events in a batch, about: a block is never split."""
POLL = 0.2
"""Seconds between looks at a file that is followed."""

_read_event = msgspec.json.Decoder(NewEvent).decode


class Source:
    """The batches of a file. Each line is an event; the blocks of a chain ascend.

    ::

        {"chain_id": 1, "block_number": 7, "block_hash": "0x…", "transaction_hash": "0x…", "log_index": 0,
         "registry": "reputation", "event_type": "NewFeedback", "timestamp": 1737590400, "score": 90}

    (on one line). Blocks before a chain's checkpoint are passed over. The checkpoint's own block is read again, since
    more of it may have come after it was read.

    Args:
        path: the file.
        checkpoints: the last block of each chain that was added before.
        size: events in a batch, about.
    """

    def __init__(self, path: Path, checkpoints: dict[int, int], size: int = BATCH) -> None:
        self._path = path
        self._checkpoints = checkpoints
        self._size = size
        self._line = 0
        self._open: dict[int, list[NewEvent]] = {}

    async def batches(self, *, follow: bool = False, stop: asyncio.Event | None = None) -> AsyncIterator[Batch]:
        """The batches; with ``follow``, those that come later too, until ``stop`` is set.

        Raises:
            assay.UsageError: the file cannot be read, or a line is no event; it is named, and what came before it in
                its batch is not given either.
        """
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise assay.UsageError(f"{self._path} cannot be read: {error.strerror}") from None
        with file:
            while not (stop is not None and stop.is_set()):
                for batch in self._read(file, whole_lines=follow):
                    yield batch
                    if stop is not None and stop.is_set():
                        return
                if not follow:
                    return
                await asyncio.sleep(POLL)

    def _read(self, file: BinaryIO, *, whole_lines: bool) -> Iterator[Batch]:
        """What can be read now."""
        while line := file.readline():
            if whole_lines and not line.endswith(b"\n"):
                file.seek(-len(line), 1)  # the rest of it is still to come
                break
            self._line += 1
            if line.strip():
                yield from self._take(self._event(line))
        for chain in list(self._open):
            yield self._close(chain)

    def _event(self, line: bytes) -> NewEvent:
        try:
            return _read_event(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise assay.UsageError(f"{self._path}:{self._line}: this is no event: {error}") from None

    def _take(self, event: NewEvent) -> Iterator[Batch]:
        """Put an event with the others of its chain, and give those first when they are enough."""
        if event.block_number < self._checkpoints.get(event.chain_id, 0):
            return
        held = self._open.get(event.chain_id)
        if (
            held
            and event.block_number != held[-1].block_number
            and (len(held) >= self._size or event.timestamp - held[0].timestamp > LONGEST.total_seconds() / 2)
        ):
            yield self._close(event.chain_id)
        self._open.setdefault(event.chain_id, []).append(event)

    def _close(self, chain: int) -> Batch:
        events = self._open.pop(chain)
        last = max(events, key=lambda event: event.block_number)
        return Batch(chain, events, last.block_number, last.block_hash)
