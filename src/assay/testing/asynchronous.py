"""What the asynchronous fixtures do, whatever runs them."""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator

import pytest

from assay.config import Settings
from assay.runtime.connection import Connection
from assay.runtime.pool import Pool
from assay.testing.leftovers import LeftBehind
from assay.testing.lending import shared_database, spoil
from assay.testing.rollback import Spoiled, rolled_back
from assay.testing.workshop import Lent

_CLOSE_TIMEOUT = 1.0
"""Seconds that a connection which the test left in use is waited for."""


async def provide_db(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Connection]:
    """The work of ``assay_db``."""
    lent = shared_database(request, settings)
    try:
        async with rolled_back(lent.url, keep=lent.is_shared) as connection:
            yield connection
    except Spoiled as error:
        spoil(request, lent)
        pytest.fail(str(error), pytrace=False)


async def provide_pool(lent: Lent) -> AsyncIterator[Pool]:
    """The work of ``assay_pool``."""
    pool = await Pool.open(lent.url, min_connections=1)
    try:
        yield pool
    finally:
        used = pool.stats().in_use
        await pool.close(_CLOSE_TIMEOUT)
        if used:
            count = f"{used} connection{'' if used == 1 else 's'}"
            message = f"The test left {count} of assay_pool in use; await or cancel the tasks that it starts"
            warnings.warn(LeftBehind(message), stacklevel=2)
