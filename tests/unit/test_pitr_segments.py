"""Segments of the write-ahead log: their names, and gaps in a row of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.ops.backup.pitr.segments import is_segment, missing, segment_of

MB = 1 << 20


@pytest.mark.parametrize(
    ("timeline", "position", "size", "name"),
    [
        (1, "0/3000148", 16 * MB, "000000010000000000000003"),
        (1, "1/0", 16 * MB, "000000010000000100000000"),
        (26, "AB/FF000000", 16 * MB, "0000001A000000AB000000FF"),
        (1, "0/40000000", 1024 * MB, "000000010000000000000001"),
    ],
)
def test_a_position_is_in_the_segment_that_the_server_says(timeline: int, position: str, size: int, name: str) -> None:
    assert segment_of(timeline, position, size) == name


def test_histories_labels_and_parts_are_no_segments() -> None:
    names = ["00000002.history", "000000010000000000000003.00000028.backup", "000000010000000000000003.part"]
    assert not any(is_segment(name) for name in names)
    assert is_segment("000000010000000000000003")


@given(st.integers(0, 1 << 20), st.sets(st.integers(0, 40), max_size=20), st.sampled_from([1, 16, 64, 1024]))
def test_exactly_what_was_taken_out_is_missing(begin: int, gone: set[int], size: int) -> None:
    names = [name(begin + at, size * MB) for at in range(42)]
    there = [one for at, one in enumerate(names) if at not in gone]
    assert set(missing(there, names[0], size * MB)) == {names[at] for at in gone}


def name(number: int, size: int) -> str:
    position = number * size
    return segment_of(1, f"{position >> 32:X}/{position & 0xFFFFFFFF:X}", size)
