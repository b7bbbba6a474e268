"""What a session has written is known to its reads until a position that covers it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from assay.runtime.replicas.position import Position
from assay.runtime.replicas.trail import Trail


def written(trail: Trail, times: int = 1) -> Trail:
    for _ in range(times):
        trail.has_written()
    return trail


def test_session_that_has_written_nothing_reads_anywhere() -> None:
    trail = Trail(None, 0.0)
    assert not trail.wrote
    assert trail.after is None


def test_write_is_known_while_its_position_is_being_taken() -> None:
    trail = written(Trail(None, 0.0))
    mark = trail.mark
    assert trail.wrote  # to another task, which reads meanwhile
    trail.reach(Position(1, 100), mark)
    assert not trail.wrote
    assert trail.after == Position(1, 100)


def test_position_covers_no_write_that_came_while_it_was_taken() -> None:
    trail = written(Trail(None, 0.0))
    mark = trail.mark
    written(trail)
    trail.reach(Position(1, 100), mark)
    assert trail.wrote


def test_earlier_position_that_comes_late_takes_nothing_back() -> None:
    trail = written(Trail(None, 0.0), 2)
    trail.reach(Position(1, 200), 2)
    trail.reach(Position(1, 100), 1)
    assert trail.after == Position(1, 200)
    assert not trail.wrote


def test_threads_lose_no_write_and_no_position() -> None:
    trail = Trail(None, 0.0)

    def in_threads(work: Callable[[int], None]) -> None:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    in_threads(lambda number: (written(trail, 500), None)[1])
    assert trail.mark == 4000
    in_threads(lambda number: [trail.reach(Position(1, number * 500 + n), n) for n in range(500)].clear())
    assert trail.after == Position(1, 3999)
