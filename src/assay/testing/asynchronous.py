"""What the asynchronous fixtures do, whatever runs them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from assay.config import Settings
from assay.runtime.connection import Connection
from assay.runtime.pool import Pool
from assay.testing.leftovers import CLOSE_TIMEOUT, warn_of_use
from assay.testing.lending import shared_database, spoil
from assay.testing.rollback import rolled_back
from assay.testing.spoiled import Spoiled
from assay.testing.workshop import Lent


async def provide_db(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Connection]:
    """The work of ``assay_db``."""
    lent = shared_database(request, settings)
    try:
        async with rolled_back(lent.url, keep=lent.is_shared) as connection:
            yield connection
    except Spoiled as error:
        message = str(error)
    else:
        return
    spoil(request, lent)
    pytest.fail(message, pytrace=False)


async def provide_pool(lent: Lent) -> AsyncIterator[Pool]:
    """The work of ``assay_pool``."""
    pool = await Pool.open(lent.url, min_connections=1)
    try:
        yield pool
    finally:
        used = pool.stats().in_use
        await pool.close(CLOSE_TIMEOUT)
        warn_of_use(used, "assay_pool", "await or cancel the tasks that it starts")
