"""A database put back as it was: only what a test changed, and only when that can be verified."""

from __future__ import annotations

from io import BytesIO

from assay.config import DatabaseUrl
from assay.errors import Error
from assay.runtime.connecting import DRIVER_ERRORS, DriverConnection, open_connection
from assay.testing.probe import LARGEST, OLDEST, Original, Reading, Table, read_original

APPLICATION_NAME = "assay testing"
"""What pg_stat_activity shows for the plugin's own connection to the database of a test."""

_FAILURES: tuple[type[Exception], ...] = (*DRIVER_ERRORS, Error)
_SESSION = {"application_name": APPLICATION_NAME, "stats_fetch_consistency": "none", "jit": "off"}
_BEGIN = "begin; set local session_replication_role = replica"
_EMPTY = "; delete from only {}"
_END = "; commit; select pg_stat_force_next_flush()"
_MAY = "select current_setting('is_superuser') = 'on'"


async def learn(url: DatabaseUrl) -> Original | None:
    """Read what a new copy of a template holds; None when its copies cannot be recycled.

    That takes a superuser, whom no trigger and no foreign key gets in the way of, and PostgreSQL 15.
    """
    connection = await open_connection(url)
    try:
        if connection.get_server_version().major < OLDEST or not await connection.fetchval(_MAY):
            return None
        return await read_original(connection)
    finally:
        await connection.close()


class Recycler:
    """Watches over one copy of a template."""

    def __init__(self, url: DatabaseUrl, original: Original) -> None:
        self._url = url
        self._original = original
        self._counts = original.reading.tables
        """The changes to each table that the server had counted when the copy was last as new."""
        self._extents = original.reading.extents
        """The extent of each small table at that time."""
        self._connection: DriverConnection | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the copy is still there, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    async def restore(self) -> bool:
        """Undo what was changed, once nobody else is connected; whether the copy is as new.

        False is no failure: there was DDL, or something else that takes another copy.
        """
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await open_connection(self._url, server_settings=_SESSION)
                if await self._original.has_ddl(self._connection):
                    return False
            return await self._restore(self._connection)
        except _FAILURES:
            return False  # such as that a sequence is gone

    def cut(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _restore(self, connection: DriverConnection) -> bool:
        found, wanted = await self._original.read(connection), self._original.reading
        if (found.catalogs, found.database) != (wanted.catalogs, wanted.database):
            return False
        dirty = [
            table
            for table, before, now in zip(self._original.tables, self._counts, found.tables, strict=True)
            if before != now
        ]
        extents = zip(self._original.small, self._extents, found.extents, strict=True)
        if any(before != now and table not in dirty for table, before, now in extents):
            return False  # the server has not counted all yet, or was told not to
        if not dirty:
            return found.sequences == wanted.sequences  # where one moved alone, what moved it may not be counted yet
        if not await _can_be_put_back(connection, dirty):
            return False
        await self._put_back(connection, dirty, found)
        return await self._verify(connection, dirty)

    async def _put_back(self, connection: DriverConnection, dirty: list[Table], found: Reading) -> None:
        begin = _BEGIN + "".join(_EMPTY.format(table.quoted) for table in dirty)
        wanted = zip(self._original.sequences, self._original.reading.sequences, found.sequences, strict=True)
        end = _END + "".join(_setval(name, value) for name, value, now in wanted if value != now)
        filled = [table for table in dirty if table.rows]
        if filled:
            await connection.execute(begin)
            for table in filled:
                source = BytesIO(table.rows or b"")
                await connection.copy_to_table(table.name, schema_name=table.schema, source=source, format="binary")
            await connection.execute(end)
        else:
            await connection.execute(begin + end)

    async def _verify(self, connection: DriverConnection, dirty: list[Table]) -> bool:
        for table in dirty:
            if await table.read_digest(connection) != table.digest:
                return False
        found, wanted = await self._original.read(connection), self._original.reading
        self._counts, self._extents = found.tables, found.extents
        return (found.catalogs, found.sequences, found.database) == (
            wanted.catalogs,
            wanted.sequences,
            wanted.database,
        )


async def _can_be_put_back(connection: DriverConnection, dirty: list[Table]) -> bool:
    if any(table.rows is None for table in dirty):
        return False
    sql = "select coalesce(max(pg_table_size(oid)), 0) from unnest($1::oid[]) oid"
    grown: int = await connection.fetchval(sql, [table.oid for table in dirty])
    return grown <= 2 * LARGEST


def _setval(sequence: str, value: str) -> str:
    last, _, called = value.partition(",")
    return f"; select setval('{sequence.replace(chr(39), chr(39) * 2)}', {last}, {called})"
