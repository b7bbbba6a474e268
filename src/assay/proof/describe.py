"""Describes a statement: asks the server for its tree, reads the catalog, and infers what the tree says."""

from __future__ import annotations

from collections.abc import Iterable
from types import new_class
from typing import Any, cast

import asyncpg
import msgspec

from assay.catalog.queries import qualified
from assay.catalog.reader import Catalog
from assay.errors import DatabaseError, Error, ProofError
from assay.proof.access import access, is_unfiltered, left_out
from assay.proof.allowed import allowed_values
from assay.proof.arbiters import NO_ARBITER, lacks_arbiter
from assay.proof.completing import complete_calls
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound
from assay.proof.effects import is_read_only
from assay.proof.inference import Inference
from assay.proof.joined import joined
from assay.proof.needs import Needs, needs_of
from assay.proof.nodes import Command, expression_type, target_list, visible
from assay.proof.nullability.answer import Nullness, maybe
from assay.proof.nullability.returning import rewritten
from assay.proof.parameters import null_uses
from assay.proof.preflight import check_literals
from assay.proof.querytree import Node
from assay.proof.session import Analysed, Session, TooLarge
from assay.proof.stored import source_types, stored
from assay.proof.textbodies import read_text_bodies
from assay.proof.utility import check_relations
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
        found = await _from_tree(session, catalog, sql)
        if isinstance(found, Description):
            return found
        async with session.undone():
            return await _prepared_only(connection, session, catalog, sql, found)
    except asyncpg.PostgresError as error:
        raise _refusal(error, sql) from error


async def _from_tree(session: Session, catalog: Catalog, sql: str) -> Description | str:
    """What the statement's tree says of it, or why nothing can be had from that."""
    try:
        async with session.undone():
            await catalog.survey(session)
            analysable = await session.silence(catalog.event_triggers)
            await check_literals(session, catalog, sql, analysable=analysable)
            if not analysable:
                return "cannot be analysed without firing an event trigger"
            analysed = await session.analyse(sql)
            if analysed is None:
                return "has no query tree that can be read"
            inference = Inference(catalog)
            await _load(session, inference, analysed.query)
            if rewritten(inference, inference.level(analysed.query, None)):
                return "is changed by a rule on its table"
            if lacks_arbiter(inference, analysed.query):
                raise asyncpg.InvalidColumnReferenceError(NO_ARBITER)
            return await _infer(session, inference, analysed)
    except TooLarge:
        return "has a query tree that is too large to follow"
    except RecursionError:
        return "is nested too deep to follow"


def _refusal(error: asyncpg.PostgresError, sql: str) -> Error:
    """Assay's error, which is the driver's too: whoever brings a driver's connection expects the driver's errors."""
    translated = translate(error, statement=sql)
    if not isinstance(translated, DatabaseError):
        return translated
    refusal = _both(type(translated))(*translated.args)
    refusal.__dict__.update(translated.__dict__)
    return refusal


_BOTH: dict[str, type[DatabaseError]] = {}


def _both(kind: type[DatabaseError]) -> type[DatabaseError]:
    if kind.__name__ not in _BOTH:
        names = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__str__": Error.__str__}
        made = new_class(kind.__name__, (kind, asyncpg.PostgresError), {}, lambda n: n.update(names))
        _BOTH[kind.__name__] = cast("type[DatabaseError]", made)
    return _BOTH[kind.__name__]


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
        await read_text_bodies(session, catalog, needs.functions)
        complete_calls(inference, pending)
        found = _texts(catalog, needs) - done
        done |= found
        pending = [inference.tree(text) for text in found]


def _texts(catalog: Catalog, needs: Needs) -> set[str]:
    """The trees that belong to the objects: of views, checks, generated columns and function bodies."""
    relations = [catalog.relations[oid] for oid in needs.relations if oid in catalog.relations]
    functions = [catalog.functions[oid] for oid in needs.functions if oid in catalog.functions]
    texts = {relation.view for relation in relations} | {function.body for function in functions}
    texts |= {function.defaults for function in functions}
    texts |= {check.tree for relation in relations for check in relation.checks}
    texts |= {tree for relation in relations for tree in relation.planned}
    texts |= {policy for relation in relations for policy in relation.policies}
    texts |= {check for checks in catalog.domain_checks.values() for check in checks}
    texts |= {attribute.generated for relation in relations for attribute in relation.attributes.values()}
    return texts - {""}


async def _infer(session: Session, inference: Inference, analysed: Analysed) -> Description:
    catalog, query = inference.catalog, analysed.query
    entries = visible(target_list(query))
    results = await _result_types(session, catalog, analysed, entries)
    await catalog.load(session, types=[*results, *analysed.parameters, *source_types(query)])
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
            Column(entry["resname"] or "?column?", catalog.types[oid], answer.nullable, answer.reason, values, *outer)
            for entry, oid, answer, values, outer in zip(
                entries, results, nullness, _values(inference, query), _joined(inference, query, nullness), strict=True
            )
        ),
        reads=tuple(sorted(touched.reads)),
        writes=tuple(sorted(touched.writes)),
        read_only=is_read_only(inference, query),
        rows_reason=reason,
        unfiltered=is_unfiltered(query),
        left_out=left_out(inference, query),
        stored=stored(inference, query),
        notes=notes,
    )


def _values(inference: Inference, query: Node) -> list[tuple[str, ...] | None]:
    """For each column of the result the only values it can have, where a CHECK lists them."""
    level, entries = inference.level(query, None), visible(target_list(query))
    if query.get("setOperations") is not None:
        return [None for _ in entries]
    return [allowed_values(inference, level, entry["expr"]) for entry in entries]


def _joined(inference: Inference, query: Node, nullness: list[Nullness]) -> list[tuple[tuple[str, ...], str]]:
    """For each column of the result what outer joins may not find, and why it may be NULL where they do."""
    level, entries = inference.level(query, None), visible(target_list(query))
    none: tuple[tuple[str, ...], str] = ((), "")
    return [
        (joined(inference, level, entry["expr"]) or none) if answer.nullable else none
        for entry, answer in zip(entries, nullness, strict=True)
    ]


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


_ARRAYS = qualified("""
-- The array types of these types; ARRAY(SELECT ...) of arrays is of the same type.
select pg_catalog.json_agg(pg_catalog.json_build_array(
    t.oid::pg_catalog.int8, (case when t.typarray <> 0 then t.typarray else t.oid end)::pg_catalog.int8)
    )::pg_catalog.text
from pg_catalog.pg_type t where t.oid = any($1::pg_catalog.oid[])
""")


async def _prepared_only(
    connection: asyncpg.Connection[Any], session: Session, catalog: Catalog, sql: str, reason: str
) -> Description:
    """For what has no tree (EXPLAIN, SHOW, CALL, ...): the server's description of the prepared statement alone."""
    try:
        statement = await connection.prepare(sql, name="")
        parameters = [kind.oid for kind in statement.get_parameters()]
        columns = [(attribute.name, attribute.type.oid) for attribute in statement.get_attributes()]
    except asyncpg.InterfaceError as error:
        raise ProofError(f"The driver cannot describe the statement: {error}") from error
    await check_relations(session, sql)
    await catalog.load(session, types=[*parameters, *(oid for _, oid in columns)])
    return Description(
        rows=RowBound.MANY if columns else RowBound.NONE,
        params=tuple(Parameter(catalog.types[oid], NullUse.ACCEPTED) for oid in parameters),
        columns=tuple(
            Column(name, catalog.types[oid], nullable=True, reason=f"the statement {reason}") for name, oid in columns
        ),
        notes=(f"The statement {reason}; only its types are known",),
    )
