"""Empty databases for trying things out, dropped again on every way out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assay.config import DatabaseUrl
from assay.errors import DatabaseError
from assay.server.databases import drop_database, maintenance


@asynccontextmanager
async def empty_database(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A new database on a server, for the length of a block: without what an administrator has put into template1.

    Raises InsufficientPrivilege when the role may not create databases, ConnectionFailed and the like.
    """
    name = f"assay_scratch_{secrets.token_hex(6)}"
    scratch = server.with_database(name)
    async with maintenance(scratch) as connection:
        await connection.execute(f"create database {name} template template0")
    try:
        yield scratch
    finally:
        with suppress(DatabaseError):
            await asyncio.shield(drop_database(scratch, force=True))
