"""The asynchronous fixtures on the event loops of anyio's pytest plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from assay.config import Settings
    from assay.runtime.connection import Connection
    from assay.runtime.pool import Pool
    from assay.testing.workshop import Lent


@pytest.fixture(name="_assay_db_anyio")
async def db(request: pytest.FixtureRequest, assay_settings: Settings) -> AsyncIterator[Connection]:
    """``assay_db`` for tests under anyio."""
    from assay.testing.asynchronous import provide_db

    async for connection in provide_db(request, assay_settings):
        yield connection


@pytest.fixture(name="_assay_pool_anyio")
async def pool(_assay_database: Lent) -> AsyncIterator[Pool]:
    """``assay_pool`` for tests under anyio."""
    from assay.testing.asynchronous import provide_pool

    async for opened in provide_pool(_assay_database):
        yield opened
