"""What a migration touches of a schema, told from the catalogs before and after it: which statements may mean another.

Statements reach objects by their names, whether they write them or get to them through views, functions, triggers and
the like. So an object that changed counts by the words of its name, and with it every object whose definition has one
of them, and so on. A statement that has none of these words means what it meant. What is reached without a name, such
as casts, operators, schemas, settings and roles, counts for every statement.

Words are compared without regard to case, schema or quotes, also where they stand in literals: ``nextval('ticket')``
reads its argument while it is parsed. So more may be taken for touched than is, and never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import asyncpg

from assay.catalog.model import FIRST_NORMAL_OID
from assay.catalog.queries import qualified
from assay.sql.lexer import BLANK, Kind, tokenize

_WORD = re.compile(r"\w+")
_LONGEST = 63
"""Bytes of a name: NAMEDATALEN - 1. What is longer is cut by the server."""

Signature = Mapping[tuple[str, int], str]
"""For each object of users, by its catalog of owners and its OID, what tells one state of its rows from another."""


@dataclass(frozen=True, slots=True)
class Look:
    """A schema as it is at a moment."""

    signature: Signature
    names: Mapping[tuple[str, int], str]
    """The names of the relations, types and functions in it."""
    definitions: tuple[tuple[str, frozenset[str]], ...]
    """The name of an object, empty for what has none, and the words of its definition, as often as it has parts."""


@dataclass(frozen=True, slots=True)
class Touched:
    """What differs between two states of a schema."""

    words: frozenset[str]
    everything: bool = False
    """Whether something differs that every statement may depend on."""

    def reaches(self, sql: str) -> bool:
        """Whether a statement may mean something else; always where its words cannot be told from its text."""
        return self.everything or not self.words.isdisjoint(_words_of(sql)) or (bool(self.words) and is_odd(sql))


def words_of(text: str) -> frozenset[str]:
    """The words of a text, in literals too, in lower case."""
    return frozenset(_WORD.findall(text.lower()))


_words_of = lru_cache(4096)(words_of)


def touched(before: Look, after: Look) -> Touched:
    """What the way from one state to the other touches."""
    keys = before.signature.keys() | after.signature.keys()
    changed = [key for key in keys if before.signature.get(key) != after.signature.get(key)]
    known = [name for key in changed for name in (before.names.get(key), after.names.get(key)) if name is not None]
    if len({key for key in changed if key in before.names or key in after.names}) != len(changed):
        return Touched(frozenset(), everything=True)
    if not all(map(words_of, known)):
        return Touched(frozenset(), everything=True)
    words = {word for name in known for word in words_of(name)}
    return _spread(words, {*before.definitions, *after.definitions})


def _spread(words: set[str], definitions: set[tuple[str, frozenset[str]]]) -> Touched:
    """The words, and those of the names of what is defined with them."""
    pending = list(definitions)
    while True:
        reached = [name for name, defined in pending if not words.isdisjoint(defined)]
        if not reached:
            return Touched(frozenset(words))
        if not all(map(words_of, reached)):
            return Touched(frozenset(), everything=True)
        pending = [(name, defined) for name, defined in pending if words.isdisjoint(defined)]
        words = words.union(*map(words_of, reached))


@lru_cache(4096)
def is_odd(sql: str) -> bool:
    """Whether names may be written so that their words are not in the text: escaped, cut off, or in two parts."""
    if "\\" in sql or any(len(word.encode(errors="replace")) >= _LONGEST for word in words_of(sql)):
        return True
    tokens = [token for token in tokenize(sql) if token.kind not in BLANK]
    if any(sql[token.start : token.start + 2].lower() == "u&" for token in tokens):
        return True
    return any(one.kind is other.kind is Kind.STRING for one, other in pairwise(tokens))


async def look_at(connection: asyncpg.Connection[Any]) -> Look:
    """The schema that a connection sees; compare only what is seen of one database."""
    catalogs = [record["name"] for record in await connection.fetch(_CATALOGS)]
    records = await connection.fetch(_signatures(catalogs))
    signature = {(record["kind"], record["owner"]): record["state"] for record in records}
    names = {(record["kind"], record["owner"]): record["name"] for record in await connection.fetch(_NAMES)}
    definitions = await connection.fetch(_DEFINITIONS)
    return Look(signature, names, tuple((record["name"], _defined(record["text"])) for record in definitions))


def _defined(texts: Iterable[str | None]) -> frozenset[str]:
    return frozenset().union(*(words_of(text) for text in texts if text))


_RELATION, _TYPE, _FUNCTION, _WHOLE = "relation", "type", "function", "whole"
_OWNERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "pg_class": ((_RELATION, "oid"),),
    "pg_attribute": ((_RELATION, "attrelid"),),
    "pg_attrdef": ((_RELATION, "adrelid"),),
    "pg_index": ((_RELATION, "indrelid"),),
    "pg_trigger": ((_RELATION, "tgrelid"),),
    "pg_rewrite": ((_RELATION, "ev_class"),),
    "pg_policy": ((_RELATION, "polrelid"),),
    "pg_sequence": ((_RELATION, "seqrelid"),),
    "pg_partitioned_table": ((_RELATION, "partrelid"),),
    "pg_foreign_table": ((_RELATION, "ftrelid"),),
    "pg_statistic_ext": ((_RELATION, "stxrelid"),),
    "pg_inherits": ((_RELATION, "inhrelid"), (_RELATION, "inhparent")),
    "pg_constraint": ((_RELATION, "conrelid"), (_TYPE, "contypid")),
    "pg_type": ((_TYPE, "oid"),),
    "pg_enum": ((_TYPE, "enumtypid"),),
    "pg_proc": ((_FUNCTION, "oid"),),
}
"""By catalog, whose rows they are. Those of any other catalog, and of what came with the server, are the whole's."""
_CATALOGS = qualified("""
-- The catalogs that a database has of its own, but for those that no statement's meaning depends on.
select c.relname::pg_catalog.text as name from pg_catalog.pg_class c
where c.relnamespace = 'pg_catalog'::pg_catalog.regnamespace and c.relkind = 'r' and not c.relisshared
    and c.relname <> all (array['pg_statistic', 'pg_statistic_ext_data', 'pg_depend', 'pg_description', 'pg_init_privs',
        'pg_largeobject', 'pg_largeobject_metadata', 'pg_seclabel', 'pg_publication', 'pg_publication_namespace',
        'pg_publication_rel', 'pg_subscription_rel', 'pg_user_mapping']::pg_catalog.text[])
order by 1
""")
_NAMES = qualified("""
-- Relations, types other than domains, ranges and base types, and functions; an array type goes by its element's name.
select 'relation' as kind, c.oid::pg_catalog.int8 as owner, c.relname::pg_catalog.text as name
from pg_catalog.pg_class c where c.oid >= 16384
union all
select 'type', t.oid::pg_catalog.int8, pg_catalog.concat_ws(' ', t.typname, e.typname)
from pg_catalog.pg_type t left join pg_catalog.pg_type e on e.oid = t.typelem
where t.oid >= 16384 and (t.typtype in ('e', 'c') or (t.typcategory = 'A' and e.typtype in ('e', 'c')))
union all
select 'function', p.oid::pg_catalog.int8, p.proname::pg_catalog.text from pg_catalog.pg_proc p where p.oid >= 16384
""")


_FILTERS = {
    "pg_namespace": "nspname !~ '^pg_(toast_)?temp_'",
    "pg_constraint": "contype <> 'f'",
    "pg_trigger": "(not tgisinternal or tgparentid <> 0)",
}
"""Rows that count. What refers to a table by a foreign key changes nothing of what statements mean on it."""
_VERSION = "xmin::pg_catalog.text || ' ' || ctid::pg_catalog.text"
"""A version of a row: by the transaction that made it, and by where it lies. No row changes without a new one."""
_STATES = {
    "pg_class": """(relname, relnamespace, reltype, reloftype, relowner, relam, relkind, relpersistence, relispartition,
        relnatts, relchecks, relhasrules, relrowsecurity, relforcerowsecurity, relispopulated, relreplident, relacl,
        reloptions, pg_catalog.pg_get_expr(relpartbound, oid))::pg_catalog.text"""
}
"""What tells a row's state where the server writes new versions for what has no meaning: to count rows, say."""


def _signatures(catalogs: Iterable[str]) -> str:
    parts = [_rows(catalog, kind, column) for catalog in catalogs for kind, column in _owners(catalog)]
    # A sum, because nothing has to be sorted for it.
    return (
        "select kind, owner, pg_catalog.concat(pg_catalog.count(*), ' ',"  # noqa: S608 - of names in this file
        " pg_catalog.sum(pg_catalog.hashtextextended(state, 0))) as state"
        f" from ({' union all '.join(parts)}) s group by kind, owner union all {_SHARED}"
    )


def _owners(catalog: str) -> tuple[tuple[str, str], ...]:
    return _OWNERS.get(catalog, ((_WHOLE, "0"),))


def _rows(catalog: str, kind: str, column: str) -> str:
    """The rows of a catalog by one of the columns that say whose they are; of no user's, those of the whole."""
    own = f"{column} >= {FIRST_NORMAL_OID}"
    nobodys = " and ".join(f"{name} < {FIRST_NORMAL_OID}" for _, name in _owners(catalog))
    return (
        f"select case when {own} then '{kind}' else '{_WHOLE}' end as kind,"  # noqa: S608 - of names in this file
        f" case when {own} then {column}::pg_catalog.int8 else 0 end as owner,"
        f" '{catalog} ' || {_STATES.get(catalog, _VERSION)} as state"
        f" from pg_catalog.{catalog} where ({own} or ({nobodys})) and {_FILTERS.get(catalog, 'true')}"
    )


_SHARED = qualified("""
select 'whole', 1::pg_catalog.int8, pg_catalog.md5(pg_catalog.concat(
    (select pg_catalog.string_agg(r::pg_catalog.text, ',' order by r.oid) from pg_catalog.pg_roles r),
    (select pg_catalog.string_agg(m::pg_catalog.text, ',' order by m::pg_catalog.text)
        from pg_catalog.pg_auth_members m),
    (select pg_catalog.string_agg(s::pg_catalog.text, ',' order by s::pg_catalog.text)
        from pg_catalog.pg_db_role_setting s),
    (select pg_catalog.string_agg(s.name || s.setting, ',' order by s.name) from pg_catalog.pg_settings s)))
""")
_DEFINITIONS = qualified("""
-- What objects are defined with, by the name of the object: relations first.
select c.relname::pg_catalog.text as name, array[
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, null),
        pg_catalog.pg_get_expr(d.adbin, d.adrelid)), ' ')
        from pg_catalog.pg_attribute a
        left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end,
    (select pg_catalog.string_agg(pg_catalog.pg_get_ruledef(r.oid), ' ') from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and c.relkind not in ('v', 'm')),
    (select pg_catalog.string_agg(pg_catalog.pg_get_ruledef(r.oid), ' ') from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and c.relkind = 'v' and r.ev_type <> '1'),
    (select pg_catalog.string_agg(pg_catalog.pg_get_triggerdef(t.oid), ' ') from pg_catalog.pg_trigger t
        where t.tgrelid = c.oid and not t.tgisinternal),
    (select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint k
        where k.conrelid = c.oid and k.contype <> 'f'),
    (select pg_catalog.string_agg(pg_catalog.pg_get_indexdef(i.indexrelid), ' ') from pg_catalog.pg_index i
        where i.indrelid = c.oid),
    (select pg_catalog.string_agg(o.relname, ' ') from pg_catalog.pg_inherits h join pg_catalog.pg_class o
        on (o.oid = h.inhparent and h.inhrelid = c.oid) or (o.oid = h.inhrelid and h.inhparent = c.oid)),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(p.polqual, p.polrelid),
        pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid)), ' ') from pg_catalog.pg_policy p where p.polrelid = c.oid),
    (select pg_catalog.string_agg(pg_catalog.pg_get_statisticsobjdef(x.oid), ' ') from pg_catalog.pg_statistic_ext x
        where x.stxrelid = c.oid),
    case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end
]::pg_catalog.text[] as text
from pg_catalog.pg_class c where c.oid >= 16384 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
union all
select t.typname::pg_catalog.text, array[pg_catalog.format_type(nullif(t.typbasetype, 0), null),
    pg_catalog.format_type(nullif(t.typelem, 0), null), pg_catalog.pg_get_expr(t.typdefaultbin, 0),
    (select pg_catalog.string_agg(pg_catalog.pg_get_constraintdef(k.oid), ' ') from pg_catalog.pg_constraint k
        where k.contypid = t.oid),
    (select pg_catalog.concat_ws(' ', pg_catalog.format_type(r.rngsubtype, null), r.rngcanonical, r.rngsubdiff,
        pg_catalog.format_type(r.rngtypid, null))
        from pg_catalog.pg_range r where t.oid = r.rngtypid or t.oid = r.rngmultitypid),
    pg_catalog.concat_ws(' ', t.typinput, t.typoutput, t.typreceive, t.typsend)]::pg_catalog.text[]
from pg_catalog.pg_type t where t.oid >= 16384
union all
select p.proname::pg_catalog.text, array[pg_catalog.pg_get_function_arguments(p.oid),
    pg_catalog.pg_get_function_result(p.oid), p.prosrc, pg_catalog.pg_get_function_sqlbody(p.oid),
    pg_catalog.array_to_string(p.proconfig, ' '),
    (select pg_catalog.concat_ws(' ', g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggmtransfn, g.aggmfinalfn)
        from pg_catalog.pg_aggregate g where g.aggfnoid = p.oid)]::pg_catalog.text[]
from pg_catalog.pg_proc p where p.oid >= 16384
union all
select '', array[pg_catalog.concat_ws(' ', o.oprcode, o.oprrest, o.oprjoin, pg_catalog.format_type(o.oprleft, null),
    pg_catalog.format_type(o.oprright, null), pg_catalog.format_type(o.oprresult, null))]::pg_catalog.text[]
from pg_catalog.pg_operator o where o.oid >= 16384
union all
select '', array[pg_catalog.concat_ws(' ', nullif(k.castfunc, 0)::pg_catalog.regproc,
    pg_catalog.format_type(k.castsource, null), pg_catalog.format_type(k.casttarget, null))]::pg_catalog.text[]
from pg_catalog.pg_cast k where k.oid >= 16384
union all
select '', array[a.amproc::pg_catalog.text]::pg_catalog.text[] from pg_catalog.pg_amproc a where a.oid >= 16384
union all
select '', array[v.evtfoid::pg_catalog.regproc::pg_catalog.text]::pg_catalog.text[] from pg_catalog.pg_event_trigger v
""")
