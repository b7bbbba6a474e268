"""Files of events: read in batches of whole blocks, from the checkpoint on, while they grow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from backends.erc8004.ingest import Batch
from backends.erc8004.models import NewEvent
from backends.erc8004.source import Source
from backends.erc8004.tests.making import MONDAY, event, events, grow, write_lines
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import assay


async def read(path: Path, known: dict[int, int] | None = None, size: int = 10) -> list[Batch]:
    return [batch async for batch in Source(path, known or {}, size).batches()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


async def test_every_event_is_read_as_it_was_written(file: Path) -> None:
    made = events(50)
    write_lines(file, made)
    assert [one for batch in await read(file) for one in batch.events] == made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(1, 3), max_size=40), st.integers(1, 9))
async def test_a_block_is_never_split_and_nothing_is_lost(file: Path, chains: list[int], size: int) -> None:
    made: list[NewEvent] = []
    for number, chain in enumerate(chains):
        made.append(event(number, chain_id=chain))
    write_lines(file, made)
    batches = await read(file, size=size)
    for chain in (1, 2, 3):
        given_events = [one for batch in batches if batch.chain_id == chain for one in batch.events]
        assert given_events == [one for one in made if one.chain_id == chain]
        ends = [batch.block_number for batch in batches if batch.chain_id == chain]
        assert ends == sorted(set(ends)), "each batch ends with a later block"


async def test_blocks_before_the_checkpoint_are_passed_over_and_its_own_is_read_again(file: Path) -> None:
    write_lines(file, events(16))
    found = [one.block_number for batch in await read(file, {1: 1002}) for one in batch.events]
    assert found == [1002] * 4 + [1003] * 4


async def test_events_that_are_half_a_year_apart_are_not_in_one_batch(file: Path) -> None:
    write_lines(file, [event(0), event(4, timestamp=MONDAY + 200 * 86_400)])
    assert [len(batch.events) for batch in await read(file)] == [1, 1]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("nonsense", "this is no event"),
        ("{}", "missing required field `chain_id`"),
        ('{"chain_id": -1}', "Expected `int` >= 0"),
        ('{"chain_id": 9999999999}', "Expected `int` <= 2147483647"),
        ('{"chain_id": 1, "block_number": "7"}', "Expected `int`, got `str`"),
        ("\xff", "this is no event"),
    ],
)
async def test_a_line_that_is_no_event_is_named(file: Path, line: str, what: str) -> None:
    write_lines(file, events(2))
    with file.open("ab") as more:
        more.write(line.encode("latin-1") + b"\n")
    with pytest.raises(assay.UsageError, match=what) as caught:
        await read(file)
    assert str(caught.value).startswith(f"{file}:3: ")


async def test_a_text_that_cannot_be_stored_is_refused(file: Path) -> None:
    write_lines(file, [event(1, tag1="a\0b")])
    with pytest.raises(assay.UsageError, match="tag1"):
        await read(file)


async def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(assay.UsageError, match=r"events\.jsonl cannot be read: No such file"):
        await read(file)


async def test_a_file_that_is_followed_is_read_as_it_grows_line_by_line(file: Path) -> None:
    """Half a line is left until the other half is there."""
    whole = file.with_name("whole")
    write_lines(whole, events(3))
    text = whole.read_text()
    half = text.index("\n") + 20
    grow(file, text[:half])
    stop = asyncio.Event()
    numbers: list[int] = []
    async with asyncio.timeout(20):
        async for batch in Source(file, {}).batches(follow=True, stop=stop):
            numbers += [one.log_index for one in batch.events]
            if numbers == [0]:
                grow(file, text)
            if len(numbers) == 3:
                stop.set()
    assert numbers == [0, 1, 2]
