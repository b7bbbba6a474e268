"""Events as they are added, heard of by LISTEN and read from the table, so that none is missed.

The notification says that there is something; what there is, the table says. Ids become visible in their order (see
migration 8), so reading on from the last one misses nothing: neither what came before the connection was there, nor
what came while it was lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

import assay
from assay.contrib.starlette import UNAVAILABLE

from .models import Event
from .queries import events

CHANNEL = "new_event"
PAGE = 500
"""Events that are read at a time."""
RETRY = 0.5
"""Seconds before an attempt to read is made again, when the server is away."""

_log = logging.getLogger("erc8004.following")
AWAY: tuple[type[assay.Error], ...] = (*UNAVAILABLE, assay.ConnectionLost)
"""What a restart of the server does to those who are connected, and to those who want to be."""


async def follow(pool: assay.Pool, after: int, *, page: int = PAGE) -> AsyncGenerator[list[Event], None]:
    """The events that follow one, in their order, as they are added; without end.

    Args:
        pool: where they are read; listening takes a connection of its own.
        after: the id of the last event that is known; 0 for all.
        page: how many are given at a time.

    Raises what opening the first connection raises. When the server goes away later, it is waited for.
    """
    async with pool.listen(CHANNEL) as heard:
        while True:
            found = await _read(pool, after, page)
            if found:
                after = found[-1].id
                yield found
            if len(found) < page:
                await news(heard, after)


async def news(heard: assay.Listener, after: int) -> None:
    """Wait until there may be events after one that is known."""
    async for item in heard:
        match item:
            case assay.Notification(payload=number) if number.isdecimal() and int(number) <= after:
                continue
            case _:
                return


async def _read(pool: assay.Pool, after: int, page: int) -> list[Event]:
    while True:
        try:
            return await events.after(pool, after, page)
        except AWAY as error:
            _log.warning("events cannot be read now: %s", error)
            await asyncio.sleep(RETRY)
