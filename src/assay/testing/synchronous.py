"""What the synchronous fixtures do, on psycopg."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from assay.config import Settings
from assay.testing.lending import shared_database, spoil


def provide_db(request: pytest.FixtureRequest, settings: Settings) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """The work of ``assay_sync_db``."""
    lent = shared_database(request, settings)
    with psycopg.connect(lent.url.reveal(), autocommit=True) as connection:
        yield connection
    spoil(request, lent)
