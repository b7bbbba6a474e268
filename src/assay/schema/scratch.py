"""Databases for trying things out, dropped again on every way out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assay.config import DatabaseUrl
from assay.errors import DatabaseError
from assay.server.databases import drop_database, maintenance
from assay.server.templates import clone_database


@asynccontextmanager
async def empty_database(server: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A new database on a server, for the length of a block: without what an administrator has put into template1.

    Raises InsufficientPrivilege when the role may not create databases, ConnectionFailed and the like.
    """
    name = _new_name()
    scratch = server.with_database(name)
    async with maintenance(scratch) as connection:
        await connection.execute(f"create database {name} template template0")
    async with _dropped_afterwards(scratch):
        yield scratch


@asynccontextmanager
async def copy_of(template: DatabaseUrl) -> AsyncIterator[DatabaseUrl]:
    """A copy of a database, for the length of a block.

    Raises InsufficientPrivilege when the role may not create databases, DatabaseError when the database stays in use.
    """
    copy = await clone_database(template, template.database or "", _new_name())
    async with _dropped_afterwards(copy):
        yield copy


def _new_name() -> str:
    return f"assay_scratch_{secrets.token_hex(6)}"


@asynccontextmanager
async def _dropped_afterwards(scratch: DatabaseUrl) -> AsyncIterator[None]:
    try:
        yield
    finally:
        with suppress(DatabaseError):
            await asyncio.shield(drop_database(scratch, force=True))
