"""Work of an event loop that is asked for by what runs in no loop, such as the collector of garbage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec

P = ParamSpec("P")


def call_in(loop: asyncio.AbstractEventLoop, function: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a function in a loop: at once where that is running in this thread, else when it next runs, if ever."""
    if _is_running(loop):
        function(*args, **kwargs)
        return
    with suppress(RuntimeError):  # of a loop that is closed, where nothing more can be done
        loop.call_soon_threadsafe(lambda: function(*args, **kwargs))


def _is_running(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False
