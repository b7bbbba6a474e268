"""Reads the relations of a database."""

from __future__ import annotations

import msgspec

from assay.config import DatabaseUrl
from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.unfinished import TABLE as UNFINISHED
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection, translate
from assay.schema.structure.model import Relation, Structure
from assay.schema.structure.queries import RELATIONS, SEARCH_PATH


async def read_structure(url: DatabaseUrl) -> Structure:
    """The relations of a database.

    Raises ConnectionFailed and the like, and DatabaseError when the catalogs cannot be read.
    """
    connection = await open_connection(url)
    try:
        return await read_relations(connection)
    finally:
        await connection.close()


async def read_relations(connection: DriverConnection) -> Structure:
    """The same on a connection, whose search path is as it was afterwards. Raises DatabaseError."""
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            database = await connection.fetchval("select pg_catalog.current_database()")
            version = await connection.fetchval("show server_version")
            await connection.execute(SEARCH_PATH)
            rows = await connection.fetch(RELATIONS, [LEDGER, UNFINISHED])
    except DRIVER_ERRORS as error:
        raise translate(error) from error
    relations = tuple(msgspec.json.decode(row[0], type=Relation) for row in rows)
    return Structure(relations, database, version.partition(" ")[0])
