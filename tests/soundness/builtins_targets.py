"""What is called in the fuzz of the lists of built-in functions: each function with concrete argument types."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files

import asyncpg

ELEMENTS = ("int4", "text", "pair", "mood", "numeric", "jsonb", "float8", "point", "timestamp")
RANGES = {"int4": "int4range", "text": "textrange", "numeric": "numrange", "timestamp": "tsrange"}
ANY = {"int4": ("int4",), "text": ("text", "int4"), "mood": ("text", "pair", "text", "_mood")}
"""What VARIADIC "any" is tried with."""
FORBIDDEN = (
    "binary_upgrade_", "pg_stat_reset", "pg_terminate", "pg_cancel", "pg_reload", "pg_rotate", "pg_promote", "pg_switch",
    "pg_create_", "pg_drop_", "pg_copy_", "pg_backup", "pg_wal_replay", "pg_logical_", "pg_replication_", "pg_sync_",
    "pg_log_", "pg_sleep", "pg_advisory", "pg_try_advisory", "pg_import", "pg_export", "pg_stop_making", "pg_restore_",
    "pg_clear_", "pg_extension_config", "pg_nextoid", "lo_export", "lo_import", "brin_", "gin_clean", "set_config",
    "setval", "database_to_xml", "schema_to_xml", "query_to_xml", "cursor_to_xml", "ts_stat", "pg_notify",
    "pg_event_trigger", "pg_get_aios", "pg_read_", "pg_stat_get_backend_io", "pg_get_shmem_allocations_numa", "pg_numa",
)  # fmt: skip
"""What is never run here: it stops the server, writes, waits, or runs its argument as a statement."""


@dataclass(frozen=True, slots=True)
class Target:
    """A built-in function with argument types, by their names in pg_type."""

    oid: int
    name: str
    arguments: tuple[str, ...]
    returns_set: bool = False
    variadic: str = ""
    """The element type of a VARIADIC argument."""
    columns: str = ""
    """For functions with OUT columns: + for those that must not be NULL."""
    nullable: frozenset[int] = frozenset()
    """The arguments that may be NULL without the result being so."""

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.arguments)})"

    def call(self, names: Sequence[str]) -> str:
        """The call in SQL with these arguments."""
        given = list(names)
        if self.variadic not in ("", "any"):
            given[-1] = f"variadic {given[-1]}"
        return f'pg_catalog."{self.name}"({", ".join(given)})'

    def is_bad(self, names: Sequence[str]) -> str:
        """A SQL condition: the call gave NULL where it must not. A row of NULLs is not NULL, so IS NULL would not do."""
        call = self.call(names)
        if "+" in self.columns:
            every = ", ".join(f"c{n}" for n in range(len(self.columns)))
            checked = ", ".join(f"c{n}" for n, mark in enumerate(self.columns) if mark == "+")
            rows = f"select * from {call} as t({every}) limit 300"
            return f"exists (select from ({rows}) s where num_nulls({checked}) > 0)"
        if self.returns_set:
            return f"exists (select from (select {call} as r limit 300) s where num_nulls(s.r) > 0)"
        return f"num_nulls({call}) > 0"


def listed(version: int, section: str) -> dict[int, tuple[str, str]]:
    """The entries of a section of a version's list: by OID the signature and what follows it."""
    text = (files("assay.proof.builtins") / f"pg{version}.txt").read_text("utf-8")
    body = re.search(rf"^\[{section}\]\n#.*\n((?:.+\n)*)", text, re.MULTILINE)
    assert body
    found = {}
    for line in body[1].splitlines():
        oid, signature, *detail = line.split(" ")
        found[int(oid)] = (signature, detail[0] if detail else "")
    return found


async def catalogued(connection: asyncpg.Connection, oids: Sequence[int]) -> list[Target]:
    """These functions as the server knows them, polymorphic types and all."""
    rows = await connection.fetch(
        """
        select p.oid::int8, p.proname, p.proretset, coalesce(v.typname::text, '') as variadic,
          array(select t.typname::text from unnest(p.proargtypes::oid[]) with ordinality a(t, n)
            join pg_type t on t.oid = a.t order by a.n) as arguments
        from pg_proc p left join pg_type v on v.oid = p.provariadic
        where p.oid = any($1::oid[]) order by p.oid
        """,
        oids,
    )
    return [Target(r["oid"], r["proname"], tuple(r["arguments"]), r["proretset"], r["variadic"]) for r in rows]


def with_nulls(target: Target, required: Sequence[int] = ()) -> Target:
    """The same, to be called with NULL for every argument but the required ones."""
    return replace(target, nullable=frozenset(range(len(target.arguments))) - set(required))


def instances(target: Target) -> Iterator[Target]:
    """The function with concrete types in place of the polymorphic ones; nothing if it must not be run."""
    if target.name.startswith(FORBIDDEN):
        return
    last = len(target.arguments) - 1
    seen = set()
    for element in ELEMENTS:
        kinds = tuple(concrete(kind, element) for kind in target.arguments)
        nullable = target.nullable
        if target.variadic == "any":
            kinds = (*kinds[:-1], *ANY.get(element, ("",)))
            nullable |= {*range(last, len(kinds))} if last in nullable else set()
        if all(kinds) and kinds not in seen:
            seen.add(kinds)
            yield replace(target, arguments=kinds, nullable=nullable)


def concrete(kind: str, element: str) -> str:
    """A type in place of a polymorphic one, given the element type; empty if there is none."""
    match kind:
        case "anyelement" | "anycompatible" | "anynonarray" | "anycompatiblenonarray" | "any":
            return element
        case "anyarray" | "anycompatiblearray":
            return f"_{element}"
        case "anyenum":
            return "mood" if element == "mood" else ""
        case "anyrange" | "anycompatiblerange":
            return RANGES.get(element, "")
        case "anymultirange" | "anycompatiblemultirange":
            return RANGES.get(element, "").replace("range", "multirange")
        case "record":
            return "pair" if element == "pair" else ""
    return kind
