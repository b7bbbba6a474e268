"""Gets the analysed query tree of a statement from a server, and leaves no trace there.

The statement is prepared, which tells its parameters; then it becomes the body of a temporary SQL-standard function,
whose tree is read from pg_proc, in a transaction or savepoint that is rolled back. Nothing is executed. The wrapper
is sent as one message of the extended protocol, which takes one statement only, so that no SQL can end the wrapper
and run behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import asyncpg
import msgspec

from assay.catalog.queries import qualified
from assay.errors import ProofError, StatementError
from assay.proof.modernise import modernise
from assay.proof.querytree import Node, parse
from assay.sql.lexer import Kind, tokenize

MOST_PARAMETERS = 100
"""FUNC_MAX_ARGS: a function takes no more. Beyond that they become the fields of one argument."""
MOST_SENT = 32_767
"""The driver sends no more; it would also take 65,536 for none."""
LARGEST_TREE = 32_000_000
"""Bytes of the text of a tree that is followed: some ten seconds of work. A join of 100 wide tables is that large."""


class TooLarge(Exception):
    """The text of a statement's tree is larger than LARGEST_TREE."""


@dataclass(frozen=True, slots=True)
class Analysed:
    """What the server made of a statement."""

    query: Node
    parameters: tuple[int, ...]
    """Type OIDs."""
    results: tuple[int, ...] | None
    """Type OIDs; None before 16, where the server does not tell."""


class Session:
    """Statements on a connection that keep nothing: no prepared statement, no setting, no object."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._name = f"assay_{secrets.token_hex(8)}"
        self._prepared = False
        self.before_prepared = len(self._prepare(""))
        """How many characters stand before a statement where it is prepared."""
        self._numbers = count(1)

    async def text(self, sql: str, *args: object) -> str | None:
        """The first column of the first row."""
        statement = await self._connection.prepare(sql, name="")
        value: str | None = await statement.fetchval(*args)
        return value

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """Undo, at the end, all that happens inside; also inside a transaction of the caller's."""
        nested = self._connection.is_in_transaction()
        name = self._name
        await self._connection.execute(
            f"savepoint {name}" if nested else "begin isolation level read committed read write"
        )
        try:
            yield
        finally:
            end = f"rollback to savepoint {name}; release savepoint {name}" if nested else "rollback"
            if self._prepared:
                # No rollback drops a prepared statement.
                end += f"; deallocate {name}"
                self._prepared = False
            if not self._connection.is_closed():
                await self._connection.execute(end)

    def _prepare(self, sql: str) -> str:
        return f"prepare {self._name} as {sql}"

    async def silence(self, event_triggers: frozenset[str]) -> bool:
        """Keep event triggers that are so enabled from firing, until all is undone; whether that can be.

        Only a superuser can. Before 17 it is by the role of a replica, in which those enabled for the origin alone,
        ``O``, do not fire (filter_event_trigger(), src/backend/commands/event_trigger.c).
        """
        if not event_triggers:
            return True
        if self._connection.get_server_version().major >= 17:
            return await self.text(_SILENCE, "event_triggers", "off") is not None
        return event_triggers == {"O"} and await self.text(_SILENCE, "session_replication_role", "replica") is not None

    async def analyse(self, sql: str) -> Analysed | None:
        """The analysed tree of a statement; None for one that has none, or where none can be had.

        Raises TooLarge, and StatementError for more parameters than can be sent.
        """
        try:
            return await self.analysed(sql)
        except asyncpg.PostgresError:
            return None

    async def analysed(self, sql: str) -> Analysed:
        """The same, with asyncpg's errors for a statement that has no tree."""
        version = self._connection.get_server_version().major
        await self.text(self._prepare(sql))
        self._prepared = True
        facts = msgspec.json.decode(await self.text(_facts(version), self._name) or "{}")
        _check_number(len(facts["parameters"]), sql)
        text = await self._tree(sql, facts["declared"])
        query = _only_query(modernise(_fields_as_parameters(parse(text), facts["declared"]), version))
        results = facts.get("results")
        return Analysed(query, tuple(facts["parameters"]), tuple(results) if results is not None else None)

    async def _tree(self, sql: str, declared: list[str]) -> str:
        arguments = ", ".join(declared)
        if len(declared) > MOST_PARAMETERS:
            arguments = f"pg_temp.{self._name}_arguments"
            fields = ", ".join(f"p{number} {kind}" for number, kind in enumerate(declared, 1))
            await self.text(f"create type {arguments} as ({fields})")
            sql = _parameters_as_fields(sql)
        return await self.body(sql, [arguments] if arguments else [])

    async def body(self, sql: str, arguments: list[str]) -> str:
        """The text of the tree of statements as the body of a new function with these arguments.

        Raises TooLarge, and asyncpg's errors for what has no such tree.
        """
        name = f"{self._name}_{next(self._numbers)}"
        # The line's end keeps a comment at the end of the statement from swallowing the end of the wrapper.
        await self.text(
            f"create function pg_temp.{name}({', '.join(arguments)}) returns void language sql"
            f" begin atomic {sql}\n; end"
        )
        text = await self.text(_BODY, name, LARGEST_TREE)
        if text == "":
            raise TooLarge
        if text is None:
            raise asyncpg.FeatureNotSupportedError("the body has no tree")
        return text


def _check_number(parameters: int, sql: str) -> None:
    if parameters > MOST_SENT:
        raise StatementError(
            f"the statement has {parameters:,} parameters, and {MOST_SENT:,} can be sent; "
            "pass one array, as in = any($1), or many rows with copy_in",
            statement=sql,
        )


def _facts(version: int) -> str:
    return _FACTS.replace("/*results*/", ", 'results', " + _OIDS.format("result_types") if version >= 16 else "")


_OIDS = """coalesce((
    select pg_catalog.json_agg(t::pg_catalog.oid::pg_catalog.int8 order by n)
    from pg_catalog.unnest({}) with ordinality u (t, n)), '[]')"""
_FACTS = qualified("""
-- The parameters (and from 16 the columns) of a prepared statement; the body is not to be checked a second time.
select pg_catalog.json_build_object(
    'parameters', /*parameters*/,
    'declared', coalesce((
        select pg_catalog.json_agg(pg_catalog.format('%I.%I', s.nspname, t.typname) order by u.n)
        from pg_catalog.unnest(parameter_types) with ordinality u (t, n)
        join pg_catalog.pg_type t on t.oid = u.t join pg_catalog.pg_namespace s on s.oid = t.typnamespace), '[]')
    /*results*/)::pg_catalog.text,
    pg_catalog.set_config('check_function_bodies', 'off', true)
from pg_catalog.pg_prepared_statements where name = $1
""").replace("/*parameters*/", _OIDS.format("parameter_types"))
_SILENCE = qualified("""
-- A setting that only superusers may change; NULL for others.
select case when pg_catalog.current_setting('is_superuser') = 'on' then pg_catalog.set_config($1, $2, true) end
""")
_BODY = qualified("""
-- The tree of the temporary function's body; nothing for one that is too large.
select case when pg_catalog.octet_length(body.tree) <= $2::pg_catalog.int4 then body.tree else '' end
from (
    select p.prosqlbody::pg_catalog.text as tree from pg_catalog.pg_proc p
    where p.proname = $1 and p.pronamespace = pg_catalog.pg_my_temp_schema()
    offset 0
) body
""")


def _only_query(tree: Any) -> Node:
    """The one query of a function body, which is a list of lists of queries."""
    while isinstance(tree, list):
        tree = tree[0]
    if not isinstance(tree, Node) or tree.tag != "QUERY":
        raise ProofError("The server gave a function body that is not a query")
    return tree


def _parameters_as_fields(sql: str) -> str:
    """``$7`` as ``($1).p7``."""
    parts, end = [], 0
    for token in tokenize(sql):
        if token.kind is Kind.PARAMETER:
            parts += [sql[end : token.start], f"($1).p{sql[token.start + 1 : token.end]}"]
            end = token.end
    return "".join([*parts, sql[end:]])


def _fields_as_parameters(tree: Any, declared: list[str]) -> Any:
    """The way back: a field of the one argument is the parameter that it stands for."""
    if len(declared) <= MOST_PARAMETERS:
        return tree
    if isinstance(tree, list):
        return [_fields_as_parameters(item, declared) for item in tree]
    if not isinstance(tree, Node):
        return tree
    if tree.tag == "FIELDSELECT" and tree["arg"].tag == "PARAM":
        kind = tree["resulttype"]
        return Node("PARAM", paramkind=tree["arg"]["paramkind"], paramid=tree["fieldnum"], paramtype=kind)
    return Node(tree.tag, **{field: _fields_as_parameters(value, declared) for field, value in tree.items()})
