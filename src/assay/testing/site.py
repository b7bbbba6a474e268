"""Databases for tests on one server: made as copies of templates, kept or dropped, and swept up after who died.

Each process holds an advisory lock on the key in its databases' names for as long as it lives. The next session takes
the lock of a process that is gone, and drops what it left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import TypeVar

from assay.config import DatabaseUrl
from assay.errors import (
    ConfigurationError,
    ConnectionFailed,
    DatabaseError,
    Error,
    OperatorIntervention,
    QueryCanceled,
    UndefinedDatabase,
)
from assay.runtime.connecting import open_connection
from assay.server import template_database
from assay.server.databases import OBJECT_IN_USE, Maintenance, drop, maintenance, wait_for_sessions
from assay.server.memory import keep, let_go
from assay.sql.quoting import quote_identifier, quote_literal
from assay.testing.names import PREFIX, Kept, key_of, lock_of, new_key, read_comment, write_comment
from assay.testing.places import Place
from assay.testing.recipe import Recipe
from assay.testing.strategy import Strategy

T = TypeVar("T")

KEPT_FOR = timedelta(days=7)
"""How long a database of a failed test stays when no other session of its project comes."""

_DATABASES = """
select datname as name, shobj_description(oid, 'pg_database') as comment from pg_database where starts_with(datname, $1)
"""
_MAY_CREATE = "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
_ROLL_BACK_PREPARED = """
select format('rollback prepared %L', gid) from pg_prepared_xacts where database = current_database()
"""
_SESSIONS = """
select coalesce(nullif(application_name, ''), 'process ' || pid) as who, coalesce(state, 'starting') as state,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 60) as query
from pg_stat_activity
where datname = $1 and backend_type = 'client backend' and application_name <> 'assay testing' order by pid
"""
_LEAVING = 0.3
"""Seconds that a session may take to end once its client has gone."""
_ROLES = """
select r.rolname as name, md5(concat(r.*, (
           select string_agg(concat(m.member, m.admin_option), ',' order by m.member)
           from pg_auth_members m where m.roleid = r.oid))) as digest
from pg_roles r
"""
_DROP_SLOTS = """
select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = $1 and not active
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A connection to a server, and the URL of one of its databases."""

    server: Maintenance
    url: DatabaseUrl


class Site:
    """A server as one process of a test session uses it; for one task at a time."""

    def __init__(self, place: Place, session: str, project: Path) -> None:
        self.place = place
        self._session = session
        self._project = str(project)
        self._key = new_key()
        self._link: Link | None = None
        self._open = AsyncExitStack()
        self._templates: dict[str, str] = {}
        self._roles: dict[str, str] = {}
        self._strategy = Strategy(0)
        self._count = 0

    @property
    def is_connected(self) -> bool:
        """Whether the server is there, as far as is known."""
        return self._link is not None and not self._link.server.is_closed

    async def clone(self, recipe: Recipe) -> DatabaseUrl:
        """A new database as the recipe makes it.

        Raises what ``Recipe.build`` does, ServerError, ConnectionFailed and DatabaseError.
        """
        return await self._do(lambda link: self._clone(link, recipe))

    async def drop(self, name: str) -> None:
        """Drop a database, and disconnect who uses it."""
        await self._do(lambda link: _drop(link, name))

    async def sessions(self, name: str) -> list[str]:
        """Who stays connected to a database, in words; who is about to leave is waited for."""
        return await self._do(lambda link: _sessions(link.server, name))

    async def terminate(self, name: str) -> bool:
        """End all sessions of a database, and wait until they are gone, for two seconds at most; whether they are."""
        sql = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1"

        async def end(link: Link) -> bool:
            await link.server.rows(sql, name)
            return await wait_for_sessions(link.server, name, seconds=2.0)

        return await self._do(end)

    async def keep(self, name: str, test: str, most: int) -> bool:
        """Keep a database beyond this session, unless it keeps as many as it may; whether it is kept."""

        async def mark(link: Link) -> bool:
            found = [read_comment(row["comment"]) for row in await link.server.rows(_DATABASES, PREFIX)]
            if sum(1 for other in found if other and other.session == self._session) >= most:
                return False
            comment = write_comment(Kept(test, self._project, self._session, datetime.now(UTC)))
            await link.server.execute(f"comment on database {quote_identifier(name)} is {quote_literal(comment)}")
            return True

        kept = await self._do(mark)
        if kept and self.place.memory is not None:
            keep(self.place.memory)
        return kept

    async def close(self) -> list[str]:
        """Drop what is left of this process's databases, and disconnect; what became of roles meanwhile, in words.

        Roles belong to the server. Who changed them cannot be told, nor can it be undone without harm to others.
        """
        link, self._link = self._link, None
        if link is None:
            return []
        changes: list[str] = []
        with suppress(Error):  # the next session sweeps up what could not be dropped
            changes = _differences(self._roles, await _roles(link.server))
            for row in await link.server.rows(_DATABASES, f"{PREFIX}{self._key}_"):
                if read_comment(row["comment"]) is None:
                    await _drop(link, row["name"])
        await self._open.aclose()
        return changes

    async def _do(self, work: Callable[[Link], Awaitable[T]]) -> T:
        """Do work on the server; should it turn out to be gone, once more when it is back."""
        if self._link is None:
            self._link = await self._connect()
        try:
            return await work(self._link)
        except (ConnectionFailed, OperatorIntervention) as error:
            if isinstance(error, QueryCanceled):
                raise
            self._link = None
            self._templates.clear()
            with suppress(Error, OSError):
                await self._open.aclose()
            self._link = await self._connect()
            return await work(self._link)

    async def _connect(self) -> Link:
        url = await asyncio.to_thread(self.place.url)
        server = await self._open.enter_async_context(maintenance(url))
        if not await server.value(_MAY_CREATE):
            raise ConfigurationError(
                f"The role {url.user or ''} on the server of {url.place} may not create databases, and "
                "every test needs one; alter role ... createdb, or name another server in TEST_DATABASE_URL"
            )
        await server.execute("select pg_advisory_lock($1)", lock_of(self._key))
        self._strategy = Strategy(int(await server.value("show server_version_num")))
        self._roles = self._roles or await _roles(server)
        link = Link(server, url)
        await self._sweep(link)
        return link

    async def _sweep(self, link: Link) -> None:
        """Drop the databases of processes that are gone, and what earlier sessions of this project kept."""
        kept = 0
        for row in await link.server.rows(_DATABASES, PREFIX):
            name, comment = row["name"], read_comment(row["comment"])
            with suppress(DatabaseError):  # it may be another role's, or be dropped by another process just now
                if comment is None:
                    await self._sweep_dead(link, name)
                elif not await self._forget(link.server, name, comment):
                    kept += 1
        if not kept and self.place.memory is not None:
            let_go(self.place.memory)

    async def _sweep_dead(self, link: Link, name: str) -> None:
        lock = lock_of(key_of(name))
        if lock is None or key_of(name) == self._key:
            return
        if await link.server.value("select pg_try_advisory_lock($1)", lock):
            try:
                await _drop(link, name)
            finally:
                await link.server.execute("select pg_advisory_unlock($1)", lock)

    async def _forget(self, server: Maintenance, name: str, kept: Kept) -> bool:
        """Drop a kept database whose time is over, unless somebody is looking at it; whether it is gone."""
        replaced = kept.project == self._project and kept.session != self._session
        if not replaced and datetime.now(UTC) - kept.kept < KEPT_FOR:
            return False
        try:
            await drop(server, name)
        except DatabaseError:
            return False
        return True

    async def _clone(self, link: Link, recipe: Recipe) -> DatabaseUrl:
        self._count += 1
        name = f"{PREFIX}{self._key}_{self._count}"
        create = f"create database {quote_identifier(name)} template "
        for attempt in range(3):
            template = await self._template(link, recipe)
            try:
                with self._strategy.timed() as clause:
                    await link.server.execute(f"{create}{quote_identifier(template)}{clause}")
                break
            except DatabaseError as error:
                if attempt == 2 or not (isinstance(error, UndefinedDatabase) or error.sqlstate == OBJECT_IN_USE):
                    raise
                self._templates.pop(recipe.fingerprint)  # it was dropped by others, or somebody is connected to it
                await wait_for_sessions(link.server, template, seconds=5.0)
        return link.url.with_database(name)

    async def _template(self, link: Link, recipe: Recipe) -> str:
        if recipe.fingerprint not in self._templates:
            name = await template_database(link.url, recipe.fingerprint, recipe.build)
            await _close_to_all(link.server, name)
            self._templates[recipe.fingerprint] = name
        return self._templates[recipe.fingerprint]


async def _close_to_all(server: Maintenance, template: str) -> None:
    """Let nobody connect to a template, who could change it, or keep it from being copied."""
    if await server.value("select datallowconn from pg_database where datname = $1", template):
        with suppress(DatabaseError):  # another worker may be at it, and wins; or the template is another role's
            await server.execute(f"alter database {quote_identifier(template)} allow_connections false")


async def _drop(link: Link, name: str) -> None:
    try:
        await drop(link.server, name, force=True)
    except DatabaseError as error:
        if error.sqlstate != OBJECT_IN_USE:
            raise
        await _free(link, name)
        await drop(link.server, name, force=True)


async def _free(link: Link, name: str) -> None:
    """End what keeps a database from being dropped: prepared transactions, and slots that nobody uses."""
    await link.server.rows(_DROP_SLOTS, name)
    connection = await open_connection(link.url.with_database(name))
    try:
        for row in await connection.fetch(_ROLL_BACK_PREPARED):
            await connection.execute(row[0])
    finally:
        await connection.close()


async def _roles(server: Maintenance) -> dict[str, str]:
    return {row["name"]: row["digest"] for row in await server.rows(_ROLES)}


def _differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    found = [f"{name} was created" for name in now.keys() - before.keys()]
    found += [f"{name} was dropped" for name in before.keys() - now.keys()]
    found += [f"{name} was altered" for name in before.keys() & now.keys() if before[name] != now[name]]
    return sorted(found)


async def _sessions(server: Maintenance, name: str) -> list[str]:
    deadline = monotonic() + _LEAVING
    while rows := await server.rows(_SESSIONS, name):
        if monotonic() > deadline:
            break
        await asyncio.sleep(0.001)
    return [f"{row['who']} ({row['state']}: {row['query']})" for row in rows]
