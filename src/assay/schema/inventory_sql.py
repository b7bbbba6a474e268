"""Pieces of SQL that the inventory's queries are made of.

Every query gives rows of the same columns: ``kind``, ``identity``, ``name``, ``tab`` (its relation), ``cls``, ``id``
and ``sub`` (its address), ``pcls``, ``pid`` and ``psub`` (of what it is in), ``sid`` and ``ssub`` (what it is inherited
from, in the same catalog), ``facets`` (a JSON object of texts), ``sql`` and ``definition``.
"""

from __future__ import annotations

from dataclasses import dataclass

USER_SCHEMA = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'"
"""That a schema ``n`` is no system schema."""
SEQUENCE_OPTIONS = """
format('START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s', s.seqstart, s.seqincrement, s.seqmin,
    s.seqmax, s.seqcache, case when s.seqcycle then ' CYCLE' else ' NO CYCLE' end)
"""
"""How a sequence ``s`` of pg_sequence counts."""


@dataclass(frozen=True, slots=True)
class Query:
    """A query for some kinds of objects."""

    text: str
    variants: tuple[tuple[int, str, str], ...] = ()
    """From which major version on which piece of the text is another one."""

    def since(self, major: int) -> str:
        """The query for a server of a major version."""
        text = self.text
        for first, old, new in self.variants:
            if major >= first:
                text = text.replace(old, new)
        return text


def own(catalog: str, alias: str) -> str:
    """That a row of a catalog belongs to no extension."""
    return f"""not exists (select from pg_depend e where e.classid = '{catalog}'::regclass and e.objid = {alias}.oid
    and e.deptype = 'e')"""


def grants(acl: str, kind: str, owner: str) -> str:
    """A JSON object of what is granted to whom but the owner: ``{"grants to reader": "SELECT"}``.

    Args:
        acl: the access control list.
        kind: the letter of acldefault (manual section 9.27.11), quoted; None for columns, which have no default.
        owner: the owner.
    """
    entries = f"coalesce({acl}, acldefault({kind}, {owner}))" if kind else acl
    return f"""
coalesce((select jsonb_object_agg('grants to ' || g.grantee, g.privileges) from (
    select case x.grantee when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(x.grantee)) end as grantee,
        string_agg(distinct x.privilege_type || case when x.is_grantable then ' WITH GRANT OPTION' else '' end, ', ')
            as privileges
    from aclexplode({entries}) x where x.grantee <> {owner} group by x.grantee) g), '{{}}')
"""  # noqa: S608 - made of texts of this package


def options(column: str) -> str:
    """A list of options, ``{a=b}``, as ``a 'b'``, in the order of their names."""
    return f"""(select string_agg(quote_ident(o.option_name) || ' ' || quote_literal(o.option_value), ', '
    order by o.option_name) from pg_options_to_table({column}) o)"""  # noqa: S608 - made of texts of this package


def option_facets(column: str) -> str:
    """The same as a JSON object: ``{"option a": "b"}``."""
    return f"""coalesce((select jsonb_object_agg('option ' || quote_ident(o.option_name), o.option_value)
    from pg_options_to_table({column}) o), '{{}}')"""  # noqa: S608 - made of texts of this package


def storage_options(column: str, names: str = "") -> str:
    """The same of storage parameters, ``a='b'``; only some, if a list of names is given."""
    only = f"where o.option_name in {names}" if names else ""
    return f"""(select string_agg(o.option_name || '=' || quote_literal(o.option_value), ', ' order by o.option_name)
    from pg_options_to_table({column}) o {only})"""  # noqa: S608 - made of texts of this package


def row(
    kind: str,
    identity: str,
    catalog: str,
    oid: str,
    *,
    name: str,
    facets: str,
    sql: str,
    tab: str = "null",
    sub: str = "0",
    parent: tuple[str, str, str] = ("null::oid", "null::oid", "0"),
    source: tuple[str, str] = ("null::oid", "0"),
    also: str = "'{}'",
    definition: str = "null",
) -> str:
    """The select list of a query, of SQL expressions; ``catalog`` is a name, and NULL facets are left out."""
    return f"""
select {kind} as kind, {identity} as identity, {name} as name, {tab} as tab,
    '{catalog}'::regclass::oid as cls, {oid} as id, {sub} as sub,
    {parent[0]} as pcls, {parent[1]} as pid, {parent[2]} as psub, {source[0]} as sid, {source[1]} as ssub,
    (jsonb_strip_nulls(jsonb_build_object({facets})) || {also})::text as facets, {sql} as sql,
    {definition} as definition
"""


IN_SCHEMA = ("'pg_namespace'::regclass::oid", "n.oid", "0")
"""The parent of what is in a schema ``n``."""
IN_RELATION = ("'pg_class'::regclass::oid", "c.oid", "0")
"""The parent of what is part of a relation ``c``."""
RELATION = "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"
"""A relation ``c`` in a schema ``n``."""
