"""Work in a thread of its own: whoever waits for it learns how it ended, and waits no longer than it wants to."""

from __future__ import annotations

import threading
from time import monotonic

import pytest

from assay.runtime.sync.replicas.errands import Errand


def test_everybody_who_waits_learns_of_the_end() -> None:
    gate = threading.Event()
    errand = Errand(lambda: gate.wait(10) and 7, "seven")
    found: list[object] = []
    waiting = [threading.Thread(target=lambda: found.append(errand.wait() and errand.result())) for _ in range(5)]
    for thread in waiting:
        thread.start()
    assert not errand.done()
    gate.set()
    for thread in waiting:
        thread.join(10)
    assert found == [7] * 5
    assert errand.wait(monotonic())


def test_wait_ends_at_its_time() -> None:
    gate = threading.Event()
    errand = Errand(lambda: gate.wait(10), "slow")
    assert not errand.wait(monotonic() - 1)
    assert not errand.wait(monotonic() + 0.02)
    gate.set()
    assert errand.wait()


def test_what_the_work_raises_is_raised_to_who_asks() -> None:
    def fail() -> None:
        raise ValueError("no")

    errand = Errand(fail, "failing")
    assert errand.wait()
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            errand.result()
