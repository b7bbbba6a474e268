"""Thousands of rows are made piece by piece; garbage collection waits for what makes thousands, and never longer."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.runtime.building import PIECE, build, make_builder
from assay.runtime.collecting import uncollected
from assay.runtime.matching import Column
from assay.runtime.rowclass import Making, read_row_class


@dataclass(slots=True)
class Slots:
    id: int
    name: str


@dataclass(frozen=True)
class Frozen:
    id: int
    name: str


class Pair(NamedTuple):
    id: int
    name: str


COLUMNS = [
    Column(0, "id", asyncpg.Type(23, "int4", "scalar", "pg_catalog")),
    Column(1, "name", asyncpg.Type(25, "text", "scalar", "pg_catalog")),
]


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    gc.enable()


def records(count: int) -> list[Any]:
    return [(number, f"name {number}") for number in range(count)]


@pytest.mark.parametrize("kind", [Slots, Frozen, Pair, tuple[int, str]])
@given(count=st.integers(0, 3 * PIECE + 1))
def test_pieces_have_every_record_once_and_in_order(kind: Any, count: int) -> None:
    builder = make_builder(kind, COLUMNS)
    assert build(builder, records(count)) == builder(records(count))


def test_each_piece_is_let_go_before_the_next_is_made() -> None:
    given: list[Any] = [Frozen(number, "a") for number in range(3 * PIECE)]
    there = [weakref.ref(record) for record in given]
    left: list[int] = []

    def builder(piece: Any) -> list[Any]:
        left.append(sum(record() is not None for record in there))
        return [record.id for record in piece]

    assert build(builder, given) == list(range(3 * PIECE))
    assert left == [3 * PIECE, 2 * PIECE, PIECE]
    assert given == [None] * (3 * PIECE)


def test_sequence_that_is_no_list_stays_as_it_is() -> None:
    given = tuple(records(2 * PIECE))
    assert build(make_builder(Pair, COLUMNS), given) == records(2 * PIECE)
    assert given == tuple(records(2 * PIECE))


def test_class_that_is_told_of_its_end_is_called() -> None:
    @dataclass(slots=True)
    class Ending:
        id: int

        def __del__(self) -> None: ...

    globals()["Ending"] = Ending
    row = read_row_class(Ending)
    assert row is not None
    assert row.making is Making.CALL


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_collection_waits_and_is_as_before(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    assert uncollected(lambda _: gc.isenabled(), 0) is False
    assert gc.isenabled() is enabled


def test_garbage_collection_goes_on_after_an_error() -> None:
    def fail(given: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        uncollected(fail, 0)
    assert gc.isenabled()


def test_garbage_collection_goes_on_after_an_interrupt_that_comes_as_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disable = gc.disable

    def interrupted() -> None:
        disable()
        raise KeyboardInterrupt

    monkeypatch.setattr(gc, "disable", interrupted)
    with pytest.raises(KeyboardInterrupt):
        uncollected(list, [1])
    assert gc.isenabled()


def test_one_inside_of_another_leaves_the_switch_to_it() -> None:
    def inner(rows: list[int]) -> list[bool]:
        return [uncollected(lambda _: gc.isenabled(), 0), gc.isenabled()]

    assert uncollected(inner, [1]) == [False, False]
    assert gc.isenabled()


def test_threads_leave_it_on() -> None:
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for _ in range(500):
            uncollected(sum, [1, 2, 3])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
