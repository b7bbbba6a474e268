"""Garbage collection waits while thousands of objects are made in one stretch, none of them garbage yet."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def uncollected(work: Callable[[Given], Made], given: Given) -> Made:
    """Call a function, with automatic garbage collection switched off meanwhile if it was on.

    For what neither awaits nor waits. It is on again afterwards whatever was raised and wherever: only who found it
    on switches it off, and who does so switches it on, so threads that meet here leave it on as well.
    """
    if not gc.isenabled():
        return work(given)
    try:
        gc.disable()  # inside, since the exception of a signal's handler may come right after it
        return work(given)
    finally:
        gc.enable()
