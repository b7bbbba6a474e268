"""Events for tests, as a chain would have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from backends.erc8004.ingest import Batch
from backends.erc8004.models import NewEvent

MONDAY = 1_737_331_200
"""20 January 2025, in seconds: within the chunk that begins on the 16th."""
BLOCK_SECONDS = 12
EVENTS_A_BLOCK = 4


def event(number: int = 0, **more: Any) -> NewEvent:
    """An event of a chain in which each block has a few: number 0 is the first."""
    block, index = divmod(number, EVENTS_A_BLOCK)
    kind = number % 3
    values: dict[str, Any] = {
        "chain_id": 1,
        "block_number": 1000 + block,
        "block_hash": f"0x{1000 + block:064x}",
        "transaction_hash": f"0x{number // 2:064x}",
        "log_index": index,
        "registry": ("identity", "reputation", "validation")[kind],
        "event_type": ("Registered", "NewFeedback", "ValidationResponse")[kind],
        "timestamp": MONDAY + block * BLOCK_SECONDS,
        "agent_id": number % 50,
    }
    if kind == 0:
        values |= {"owner": f"0x{number % 90:040x}", "token_uri": f"ipfs://agent/{number % 50}"}
    elif kind == 1:
        values |= {"client_address": f"0x{number % 70:040x}", "score": number % 101, "tag1": "speed", "tag2": None}
    else:
        values |= {"validator_address": f"0x{number % 20:040x}", "response": number % 101, "tag": "zk"}
    return NewEvent(**values | more)


def events(count: int, first: int = 0, **more: Any) -> list[NewEvent]:
    """Events that follow one another."""
    return [event(number, **more) for number in range(first, first + count)]


def batch_of(made: list[NewEvent]) -> Batch:
    """A batch of events of one chain."""
    last = max(made, key=lambda one: one.block_number)
    return Batch(last.chain_id, made, last.block_number, last.block_hash)


def batches(count: int, size: int = 5000) -> Iterator[Batch]:
    """Batches of whole blocks, of so many events in all."""
    for first in range(0, count, size):
        yield batch_of(events(min(size, count - first), first))


def write_lines(path: Path, made: Iterable[NewEvent]) -> None:
    """A file that a worker can read."""
    with path.open("w") as file:
        for one in made:
            file.write(json.dumps({name: value for name, value in asdict(one).items() if value is not None}) + "\n")


def grow(path: Path, text: str) -> None:
    """Have a file hold a text, as a program that goes on writing would."""
    path.write_text(text)
