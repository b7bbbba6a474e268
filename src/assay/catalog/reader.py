"""Reads pg_catalog into the dataclasses of this package, a few round trips for any number of objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from assay.catalog.model import Attribute, Check, Function, Key, KeyColumn, Operator, Relation, TriggerEvents
from assay.catalog.queries import FUNCTIONS, OPERATORS, RELATIONS, TYPES, WHOLE_DATABASE
from assay.pgtypes.model import Kind, PgType


class Queries(Protocol):
    """What the reader needs of a connection: one statement, one text value."""

    async def text(self, sql: str, *args: object) -> str | None:
        """The first column of the first row."""
        ...


class Catalog:
    """What has been read so far of one database; nothing is read twice.

    It does not notice later changes of the schema: use a new one after DDL.
    """

    def __init__(self, version: int) -> None:
        self.version = version
        """The server's major version."""
        self.relations: dict[int, Relation] = {}
        self.functions: dict[int, Function] = {}
        self.types: dict[int, PgType] = {}
        self.domain_checks: dict[int, tuple[str, ...]] = {}
        """The CHECK constraints of each domain, as the texts of query trees."""
        self.operators: dict[int, Operator] = {}
        self.nondeterministic: frozenset[int] = frozenset()
        """The collations by which different strings can be equal."""
        self.casts_to_text = True
        """Whether users have made casts to text by functions of theirs."""
        self.casts_to_json = True
        """Whether users have made casts to json or jsonb by functions of theirs."""
        self.strange_families: frozenset[int] = frozenset()
        """The operator families with functions of users that may do more than compare."""
        self.read_by_users: frozenset[int] = frozenset()
        """The types whose values code of users looks at when they are made: domains with CHECK constraints that call
        functions of users, or cast to types of theirs, and strange ranges."""
        self.strange_ranges: frozenset[int] = frozenset()
        """The ranges that functions of users bring into canonical form, and these may do more."""
        self.event_triggers: frozenset[str] = frozenset()
        """How the event triggers that CREATE FUNCTION would fire are enabled: pg_event_trigger.evtenabled."""
        self.text_bodies: set[int] = set()
        """The SQL functions for which the tree of a body that is text has been asked for."""
        self._surveyed = False

    async def load(
        self,
        queries: Queries,
        *,
        relations: Iterable[int] = (),
        functions: Iterable[int] = (),
        types: Iterable[int] = (),
        operators: Iterable[int] = (),
    ) -> None:
        """Read the objects of these OIDs that have not been read; ones that do not exist stay absent."""
        await self.survey(queries)
        if wanted := _missing(operators, self.operators):
            for oid, function, negated in await _rows(queries, OPERATORS, wanted):
                self.operators[oid] = Operator(function, negated)
        if wanted := _missing(relations, self.relations):
            for row in await _rows(queries, _for_version(RELATIONS, self.version), wanted):
                self.relations[row["oid"]] = _relation(row)
        behind = (oid for operator in self.operators.values() for oid in (operator.function, operator.negated))
        if wanted := _missing([*functions, *behind], self.functions):
            for row in await _rows(queries, FUNCTIONS, wanted):
                self.functions[row["oid"]] = _function(row)
        if wanted := _missing(types, self.types):
            self._add_types(await _rows(queries, TYPES, wanted))

    async def survey(self, queries: Queries) -> None:
        """Read what concerns the database as a whole, if that is not known."""
        if self._surveyed:
            return
        facts = msgspec.json.decode(await queries.text(WHOLE_DATABASE) or "{}")
        self.nondeterministic = frozenset(facts["nondeterministic"] or ())
        self.casts_to_text, self.casts_to_json = facts["casts_to_text"], facts["casts_to_json"]
        self.strange_families = frozenset(facts["strange_classes"] or ())
        self.strange_ranges = frozenset(facts["strange_ranges"] or ())
        self.read_by_users = self.strange_ranges.union(facts["checked_by_users"] or ())
        self.event_triggers = frozenset(facts["event_triggers"] or ())
        self._surveyed = True

    def _add_types(self, rows: list[dict[str, Any]]) -> None:
        by_oid = {row["oid"]: row for row in rows}

        def build(oid: int) -> PgType:
            if oid not in self.types:
                self.types[oid] = _type(by_oid[oid], build) if oid in by_oid else PgType(f"type {oid}", oid=oid)
            return self.types[oid]

        for oid, row in by_oid.items():
            build(oid)
            if row["checks"]:
                self.domain_checks[oid] = tuple(row["checks"])


def _missing(wanted: Iterable[int], known: dict[int, Any]) -> list[int]:
    return sorted({oid for oid in wanted if oid} - known.keys())


async def _rows(queries: Queries, sql: str, oids: list[int]) -> list[Any]:
    text = await queries.text(sql, oids)
    return msgspec.json.decode(text) if text else []


def _for_version(sql: str, version: int) -> str:
    """Fill in the expressions whose columns came with a version."""
    return (
        sql.replace("/*enforced*/", "and con.conenforced" if version >= 18 else "")
        .replace("/*valid_not_null*/", _VALID_NOT_NULL if version >= 18 else "")
        .replace("/*nulls_distinct*/", "not i.indnullsnotdistinct" if version >= 15 else "true")
    )


_VALID_NOT_NULL = """and not exists (select from pg_catalog.pg_constraint nn where nn.conrelid = a.attrelid
    and nn.contype = 'n' and not (nn.convalidated and nn.conenforced) and nn.conkey[1] = a.attnum)"""


def _relation(row: dict[str, Any]) -> Relation:
    return Relation(
        oid=row["oid"],
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        attributes={a["number"]: Attribute(**a) for a in row["attributes"] or ()},
        keys=tuple(_index_key(key) for key in row["keys"] or ()),
        checks=tuple(Check(**check) for check in row["checks"] or ()),
        triggers=tuple(TriggerEvents(bits) for bits in row["triggers"] or ()),
        rules=frozenset(row["rules"] or ()),
        view=row["view"] or "",
        has_children=row["has_children"],
        foreign_below=row["foreign_below"],
        row_security=row["row_security"],
        policies=tuple(row["policies"] or ()),
        planned=tuple(row["planned"] or ()),
    )


def _index_key(key: dict[str, Any]) -> Key:
    return Key(
        name=key["name"],
        primary=key["primary"],
        nulls_distinct=key["nulls_distinct"],
        columns=tuple(KeyColumn(number, frozenset(ops or ()), *rest) for number, ops, *rest in key["columns"]),
    )


_LISTS = ("argument_types", "output_types", "settings")


def _function(row: dict[str, Any]) -> Function:
    return Function(**{**row, **{name: tuple(row[name]) for name in _LISTS}})


_KINDS: dict[str, Kind] = {
    "b": "base",
    "e": "enum",
    "d": "domain",
    "c": "composite",
    "r": "range",
    "m": "multirange",
    "p": "pseudo",
}


def _type(row: dict[str, Any], build: Any) -> PgType:
    schema = None if row["visible"] else row["schema"]
    if row["is_array"]:
        element = build(row["element"])
        return PgType(f"{element}[]", "array", oid=row["oid"], element=element)
    kind = _KINDS.get(row["kind"], "base")
    inner = row["element"] if kind in ("domain", "range", "multirange") else 0
    return PgType(
        row["name"],
        kind,
        schema,
        row["oid"],
        element=build(inner) if inner else None,
        labels=tuple(row["labels"] or ()),
        fields=tuple((name, build(oid)) for name, oid in row["fields"] or ()),
        not_null=row["not_null"],
    )
