"""Batches of events, added by COPY together with their chain's checkpoint."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import assay

from .models import NewEvent
from .queries import checkpoints
from .queries import events as stored
from .queries.events import COLUMNS, LogKey

EARLIEST = int(datetime(2015, 7, 30, tzinfo=UTC).timestamp())
"""The first block of Ethereum, which is older than any of these registries."""
CLOCK_SKEW = 86_400
"""Seconds that a block's time may be ahead of this machine's."""
LONGEST = timedelta(days=365)
"""How much block time a batch may span: its chunks are created in its transaction."""
IDLE_TIMEOUT = 30.0
"""Seconds after which the server ends a transaction of a worker that has stopped in the middle of one."""

_HEX = ("owner", "client_address", "validator_address")
_VALUES = attrgetter(*(name for name in COLUMNS if name != "created_at"))
_HEX_PLACES = tuple(COLUMNS.index(name) for name in _HEX)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one chain, whole blocks of them."""

    chain_id: int
    events: Sequence[NewEvent]
    block_number: int
    """The last block that is in it, which may be one without events."""
    block_hash: str


async def add_batch(pool: assay.Pool, batch: Batch, *, keep: timedelta | None = None) -> int:
    """Add a batch's events and move its chain's checkpoint, both or neither; how many events were new.

    Events that are there already are left alone, so a block can be given again.

    Args:
        pool: the database.
        batch: what to add.
        keep: how long events are kept. Older ones are passed over: they may have been here and dropped.

    Raises:
        assay.UsageError: an event is of another chain, or its block's time cannot be right.
        assay.DatabaseError: the server refused something, and nothing was added.
    """
    rows = _rows(batch, datetime.now(UTC) - keep if keep is not None else datetime.fromtimestamp(EARLIEST, UTC))
    async with pool.transaction(idle_timeout=IDLE_TIMEOUT) as transaction:
        if rows:
            first, last = _span(rows)
            await stored.ensure_chunks(transaction, first, last)
            await stored.take_turn(transaction)
            transactions = list({hashed for hashed, _, _ in rows})
            for key in await stored.known(transaction, batch.chain_id, transactions, first, last):
                rows.pop(key, None)
        if rows:
            await stored.copy(transaction, list(rows.values()))
        await checkpoints.advance(
            transaction, chain_id=batch.chain_id, block_number=batch.block_number, block_hash=batch.block_hash
        )
    return len(rows)


def _rows(batch: Batch, oldest: datetime) -> dict[LogKey, tuple[object, ...]]:
    """The rows to add by their keys, each once."""
    _check(batch)
    rows: dict[LogKey, tuple[object, ...]] = {}
    for event in batch.events:
        created_at = datetime.fromtimestamp(event.timestamp, UTC)
        if created_at < oldest:
            continue
        values = [*_VALUES(event), created_at]
        for place in _HEX_PLACES:
            # Addresses are hexadecimal: case carries a checksum, and no meaning.
            if (address := values[place]) is not None:
                values[place] = address.lower()
        rows.setdefault((event.transaction_hash, event.log_index, created_at), tuple(values))
    return rows


def _span(keys: Iterable[LogKey]) -> tuple[datetime, datetime]:
    """The times of the first and of the last block."""
    times = [created_at for _, _, created_at in keys]
    return min(times), max(times)


def _check(batch: Batch) -> None:
    if not batch.events:
        return
    latest = int(time.time()) + CLOCK_SKEW
    for event in batch.events:
        if event.chain_id != batch.chain_id:
            raise assay.UsageError(
                f"{_named(event)} is of chain {event.chain_id}, not {batch.chain_id}; split the batch"
            )
        if not EARLIEST <= event.timestamp <= latest:
            raise assay.UsageError(
                f"{_named(event)} has the block time {event.timestamp}; it takes seconds since 1970, "
                "not before 2015 and not in the future"
            )
        if event.block_number > batch.block_number:
            raise assay.UsageError(
                f"{_named(event)} is of block {event.block_number}, after the batch's last, {batch.block_number}"
            )
    times = [event.timestamp for event in batch.events]
    if max(times) - min(times) > LONGEST.total_seconds():
        raise assay.UsageError(f"the batch spans more than {LONGEST.days} days of block time; split it")


def _named(event: NewEvent) -> str:
    return f"event {event.log_index} of transaction {event.transaction_hash}"
