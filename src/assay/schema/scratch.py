"""Empty databases for trying things out, dropped again on every way out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assay.config import DatabaseUrl
from assay.errors import DatabaseError
from assay.server.databases import create_database, drop_database


@asynccontextmanager
async def empty_database(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A new database on a server, for the length of a block.

    Raises InsufficientPrivilege when the role may not create databases, ConnectionFailed and the like.
    """
    scratch = server.with_database(f"assay_scratch_{secrets.token_hex(6)}")
    await create_database(scratch)
    try:
        yield scratch
    finally:
        with suppress(DatabaseError):
            await asyncio.shield(drop_database(scratch, force=True))
