"""Asks a server what a statement takes and returns, and leaves no trace on it.

The statement is prepared, which tells its parameters; then it becomes the body of a temporary SQL-standard function,
whose analysed query tree is read from pg_proc, in a transaction or savepoint that is rolled back. Nothing is executed.
The wrapper is sent as one message of the extended protocol, which takes one statement only, so that no SQL can end
the wrapper and run behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import msgspec

from assay.catalog.reader import Catalog
from assay.errors import ProofError
from assay.proof.access import access, is_read_only, is_unfiltered
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound
from assay.proof.inference import Inference
from assay.proof.modernise import modernise
from assay.proof.needs import Needs, needs_of
from assay.proof.nodes import Command, expression_type, target_list, visible
from assay.proof.nullability.answer import Nullness, maybe
from assay.proof.parameters import null_uses
from assay.proof.querytree import Node, parse
from assay.runtime.connecting import translate

MOST_PARAMETERS = 100
"""FUNC_MAX_ARGS: a function takes no more."""


async def describe(connection: asyncpg.Connection[Any], sql: str, *, catalog: Catalog | None = None) -> Description:
    """What a statement takes and returns, on the schema and in the session that the connection sees.

    A statement that PostgreSQL refuses raises the DatabaseError that it would raise when run, with its position.
    Give the same ``catalog`` to describe many statements on a schema that does not change in between.
    """
    session = Session(connection)
    catalog = catalog or Catalog(connection.get_server_version().major)
    try:
        async with session.undone():
            analysed = await session.analyse(sql)
            if analysed is not None:
                return await _infer(session, catalog, analysed)
        async with session.undone():
            return await _prepared_only(connection, session, catalog, sql)
    except asyncpg.PostgresError as error:
        raise translate(error, statement=sql) from error


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

    async def analyse(self, sql: str) -> Analysed | None:
        """The analysed tree of a statement; None for one that has none, or where none can be had."""
        version = self._connection.get_server_version().major
        try:
            await self.text(f"prepare {self._name} as {sql}")
            self._prepared = True
            facts = msgspec.json.decode(await self.text(_facts(version), self._name) or "{}")
            if len(facts["declared"]) > MOST_PARAMETERS:
                return None
            declared = ", ".join(facts["declared"])
            await self.text(
                f"create function pg_temp.{self._name}({declared}) returns void language sql begin atomic {sql}\n; end"
            )
            text = await self.text(_BODY, self._name)
        except asyncpg.PostgresError:
            return None
        if text is None:
            return None
        query = _only_query(modernise(parse(text), version))
        results = facts.get("results")
        return Analysed(query, tuple(facts["parameters"]), tuple(results) if results is not None else None)


def _facts(version: int) -> str:
    return _FACTS.replace("/*results*/", ", 'results', " + _OIDS.format("result_types") if version >= 16 else "")


_OIDS = """coalesce((
    select pg_catalog.json_agg(t::pg_catalog.oid::pg_catalog.int8 order by n)
    from pg_catalog.unnest({}) with ordinality u (t, n)), '[]')"""
_FACTS = """
-- The parameters (and from 16 the columns) of a prepared statement; the body is not to be checked a second time.
select pg_catalog.json_build_object(
    'parameters', /*parameters*/,
    'declared', coalesce((
        select pg_catalog.json_agg(t::pg_catalog.text order by n)
        from pg_catalog.unnest(parameter_types) with ordinality u (t, n)), '[]')
    /*results*/)::pg_catalog.text,
    pg_catalog.set_config('check_function_bodies', 'off', true)
from pg_catalog.pg_prepared_statements where name = $1
""".replace("/*parameters*/", _OIDS.format("parameter_types"))
_BODY = """
-- The tree of the temporary function's body.
select p.prosqlbody::pg_catalog.text from pg_catalog.pg_proc p
where p.proname = $1 and p.pronamespace = pg_catalog.pg_my_temp_schema()
"""


def _only_query(tree: Any) -> Node:
    """The one query of a function body, which is a list of lists of queries."""
    while isinstance(tree, list):
        tree = tree[0]
    if not isinstance(tree, Node) or tree.tag != "QUERY":
        raise ProofError("The server gave a function body that is not a query")
    return tree


async def _load(session: Session, inference: Inference, tree: Node) -> None:
    """Read all that the statement, its views and its functions refer to."""
    catalog = inference.catalog
    pending: list[Any] = [tree]
    done: set[str] = set()
    while pending:
        needs = needs_of(pending)
        await catalog.load(
            session,
            relations=needs.relations,
            functions=needs.functions,
            types=needs.types,
            operators=needs.operators,
        )
        found = _texts(catalog, needs) - done
        done |= found
        pending = [inference.tree(text) for text in found]


def _texts(catalog: Catalog, needs: Needs) -> set[str]:
    """The trees that belong to the objects: of views, checks, generated columns and function bodies."""
    relations = [catalog.relations[oid] for oid in needs.relations if oid in catalog.relations]
    functions = [catalog.functions[oid] for oid in needs.functions if oid in catalog.functions]
    texts = {relation.view for relation in relations} | {function.body for function in functions}
    texts |= {check.tree for relation in relations for check in relation.checks}
    texts |= {attribute.generated for relation in relations for attribute in relation.attributes.values()}
    return texts - {""}


async def _infer(session: Session, catalog: Catalog, analysed: Analysed) -> Description:
    inference, query = Inference(catalog), analysed.query
    await _load(session, inference, query)
    entries = visible(target_list(query))
    results = await _result_types(session, catalog, analysed, entries)
    await catalog.load(session, types=[*results, *analysed.parameters])
    returns_rows = query["commandType"] == Command.SELECT or bool(query["returningList"])
    try:
        nullness, rows, reason, uses = _proofs(inference, query, returns_rows=returns_rows)
        notes: tuple[str, ...] = ()
    except RecursionError:
        nullness = [maybe("the statement is nested too deep to follow") for _ in entries]
        rows, reason, uses = (RowBound.MANY if returns_rows else RowBound.NONE), "", {}
        notes = ("The statement is nested too deep to follow; nothing is proven of it",)
    touched = access(inference, query)
    return Description(
        rows=rows,
        params=tuple(
            Parameter(catalog.types[oid], *uses.get(number, (NullUse.ACCEPTED, "")))
            for number, oid in enumerate(analysed.parameters, 1)
        ),
        columns=tuple(
            Column(entry["resname"] or "?column?", catalog.types[oid], answer.nullable, answer.reason)
            for entry, oid, answer in zip(entries, results, nullness, strict=True)
        ),
        reads=tuple(sorted(touched.reads)),
        writes=tuple(sorted(touched.writes)),
        read_only=is_read_only(inference, query),
        rows_reason=reason,
        unfiltered=is_unfiltered(query),
        notes=notes,
    )


def _proofs(
    inference: Inference, query: Node, *, returns_rows: bool
) -> tuple[list[Nullness], RowBound, str, dict[int, tuple[NullUse, str]]]:
    level = inference.level(query, None)
    uses = null_uses(inference, level)
    if not returns_rows:
        return [], RowBound.NONE, "no result set", uses
    bound = inference.bound(level)
    few = RowBound.ONE if bound.at_least_one else RowBound.OPTIONAL
    return inference.output(level), few if bound.at_most_one else RowBound.MANY, bound.reason, uses


async def _result_types(
    session: Session, catalog: Catalog, analysed: Analysed, entries: Iterable[Node]
) -> tuple[int, ...]:
    if analysed.results is not None:
        return analysed.results
    types = [expression_type(entry["expr"]) for entry in entries]
    elements = sorted({-oid for oid in types if oid < 0})
    arrays = dict(msgspec.json.decode(await session.text(_ARRAYS, elements) or "[]")) if elements else {}
    return tuple(arrays.get(-oid, 0) if oid < 0 else oid for oid in types)


_ARRAYS = """
-- The array types of these types; ARRAY(SELECT ...) of arrays is of the same type.
select pg_catalog.json_agg(pg_catalog.json_build_array(
    t.oid::pg_catalog.int8, (case when t.typarray <> 0 then t.typarray else t.oid end)::pg_catalog.int8)
    )::pg_catalog.text
from pg_catalog.pg_type t where t.oid = any($1::pg_catalog.oid[])
"""


async def _prepared_only(
    connection: asyncpg.Connection[Any], session: Session, catalog: Catalog, sql: str
) -> Description:
    """For what has no tree (EXPLAIN, SHOW, CALL, ...): the server's description of the prepared statement alone."""
    try:
        statement = await connection.prepare(sql, name="")
        parameters = [kind.oid for kind in statement.get_parameters()]
        columns = [(attribute.name, attribute.type.oid) for attribute in statement.get_attributes()]
    except asyncpg.InterfaceError as error:
        raise ProofError(f"The driver cannot describe the statement: {error}") from error
    await catalog.load(session, types=[*parameters, *(oid for _, oid in columns)])
    return Description(
        rows=RowBound.MANY if columns else RowBound.NONE,
        params=tuple(Parameter(catalog.types[oid], NullUse.ACCEPTED) for oid in parameters),
        columns=tuple(
            Column(name, catalog.types[oid], nullable=True, reason="the statement has no tree to read")
            for name, oid in columns
        ),
        notes=("The statement has no query tree that can be read; only its types are known",),
    )
