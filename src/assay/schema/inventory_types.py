"""Queries for schemas, extensions and types."""

from __future__ import annotations

from assay.schema.inventory_sql import IN_SCHEMA, USER_SCHEMA, Query, grants, own, row

_TYPE = "quote_ident(n.nspname) || '.' || quote_ident(t.typname)"
_COMMENT = "'comment', obj_description(t.oid, 'pg_type')"
_GRANTS = grants("t.typacl", "'T'", "t.typowner")
_FROM = "from pg_type t join pg_namespace n on n.oid = t.typnamespace"
_WHERE = f"{USER_SCHEMA} and {own('pg_type', 't')}"
_COLLATION = """(select quote_ident(cn.nspname) || '.' || quote_ident(o.collname) from pg_collation o
    join pg_namespace cn on cn.oid = o.collnamespace where o.oid = {0} and {0} <> {1})"""


def _type(kind: str, facets: str, sql: str, also: str = "'{}'") -> str:
    return row(
        f"'{kind}'", _TYPE, "pg_type", "t.oid", name="quote_ident(t.typname)", facets=f"{facets}, {_COMMENT}",
        sql=sql, parent=IN_SCHEMA, also=f"{_GRANTS} || {also}",
    )  # fmt: skip


_SCHEMAS = f"""
{
    row(
        "'schema'",
        "quote_ident(n.nspname)",
        "pg_namespace",
        "n.oid",
        name="quote_ident(n.nspname)",
        facets="'comment', obj_description(n.oid, 'pg_namespace')",
        sql="'CREATE SCHEMA ' || quote_ident(n.nspname)",
        also=grants("n.nspacl", "'n'", "n.nspowner"),
    )
}
from pg_namespace n where {USER_SCHEMA} and {own("pg_namespace", "n")}
"""

_EXTENSIONS = f"""
{
    row(
        "'extension'",
        "quote_ident(x.extname)",
        "pg_extension",
        "x.oid",
        name="quote_ident(x.extname)",
        facets="'version', x.extversion, 'schema', quote_ident(n.nspname)",
        sql="format('CREATE EXTENSION %I WITH SCHEMA %I', x.extname, n.nspname)",
    )
}
from pg_extension x join pg_namespace n on n.oid = x.extnamespace where x.extname <> 'plpgsql'
"""

_LABELS = (
    "(select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid)"
)
_ENUMS = f"""
{_type("enum", f"'labels', coalesce({_LABELS}, '')", f"format('CREATE TYPE %s AS ENUM (%s)', {_TYPE}, {_LABELS})")}
{_FROM} where {_WHERE} and t.typtype = 'e'
"""

_DOMAIN_COLLATION = _COLLATION.format("t.typcollation", "(select typcollation from pg_type where oid = t.typbasetype)")
_CHECKS = """
coalesce((select jsonb_object_agg('constraint ' || quote_ident(conname), pg_get_constraintdef(oid)) from pg_constraint
    where contypid = t.oid and contype = 'c'), '{}')
"""
_CHECK_LIST = """
coalesce((select string_agg(' CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid), ''
    order by conname)
    from pg_constraint where contypid = t.oid and contype = 'c' and convalidated), '')
"""
_DOMAINS = f"""
{
    _type(
        "domain",
        f"'type', format_type(t.typbasetype, t.typtypmod), 'collation', {_DOMAIN_COLLATION}, 'default', "
        "t.typdefault, 'not null', case when t.typnotnull then 'NOT NULL' end",
        f"format('CREATE DOMAIN %s AS %s%s%s%s', {_TYPE}, format_type(t.typbasetype, t.typtypmod), "
        f"coalesce(' COLLATE ' || {_DOMAIN_COLLATION}, ''), coalesce(' DEFAULT ' || t.typdefault, ''), "
        f"case when t.typnotnull then ' NOT NULL' else '' end || {_CHECK_LIST})",
        _CHECKS,
    )
}
{_FROM} where {_WHERE} and t.typtype = 'd'
"""

_ATTRIBUTE = f"""format_type(a.atttypid, a.atttypmod) || coalesce(' COLLATE ' || {
    _COLLATION.format("a.attcollation", "(select typcollation from pg_type where oid = a.atttypid)")
}, '')"""  # noqa: S608 - made of texts of this package
_ATTRIBUTES = "from pg_attribute a where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped"
_COMPOSITES = f"""
{
    _type(
        "composite type",
        "'attributes', (select string_agg(quote_ident(a.attname) || ' ' || "
        f"{_ATTRIBUTE}, ', ' order by a.attnum) {_ATTRIBUTES})",
        f"format('CREATE TYPE %s AS (%s)', {_TYPE}, (select string_agg(quote_ident(a.attname) || ' ' || {_ATTRIBUTE}, "
        f"', ' order by a.attnum) {_ATTRIBUTES}))",
        "coalesce((select jsonb_object_agg('comment on attribute ' || quote_ident(a.attname), "
        f"col_description(t.typrelid, a.attnum)) {_ATTRIBUTES} and col_description(t.typrelid, a.attnum) is not null), "
        "'{}')",
    )
}
{_FROM} join pg_class c on c.oid = t.typrelid and c.relkind = 'c' where {_WHERE}
"""

_RANGE_PARTS = f"""
concat_ws(', ', 'subtype = ' || format_type(r.rngsubtype, null),
    (select 'subtype_opclass = ' || quote_ident(m.nspname) || '.' || quote_ident(o.opcname) from pg_opclass o
     join pg_namespace m on m.oid = o.opcnamespace where o.oid = r.rngsubopc and not o.opcdefault),
    'collation = ' || {
    _COLLATION.format("r.rngcollation", "(select typcollation from pg_type where oid = r.rngsubtype)")
},
    'canonical = ' || nullif(r.rngcanonical::oid, 0::oid)::regproc::text,
    'subtype_diff = ' || nullif(r.rngsubdiff::oid, 0::oid)::regproc::text,
    'multirange_type_name = ' || (select quote_ident(mn.nspname) || '.' || quote_ident(mt.typname) from pg_type mt
     join pg_namespace mn on mn.oid = mt.typnamespace where mt.oid = r.rngmultitypid))
"""  # noqa: S608 - made of texts of this package
_RANGES = f"""
{
    _type(
        "range type",
        f"'definition', {_RANGE_PARTS}",
        f"format('CREATE TYPE %s AS RANGE (%s)', {_TYPE}, {_RANGE_PARTS})",
    )
}
{_FROM} join pg_range r on r.rngtypid = t.oid where {_WHERE}
"""

_SETTLED = """concat_ws(', ', 'provider = ' || case o.collprovider when 'i' then 'icu' when 'b' then 'builtin'
        else 'libc' end,
    'locale = ' || quote_literal(coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale',
        case when o.collprovider = 'i' then o.collcollate end)),
    case when o.collprovider = 'c' then 'lc_collate = ' || quote_literal(o.collcollate) end,
    case when o.collprovider = 'c' then 'lc_ctype = ' || quote_literal(o.collctype) end,
    'rules = ' || quote_literal(to_jsonb(o) ->> 'collicurules'),
    case when not o.collisdeterministic then 'deterministic = false' end)"""
"""The columns for locales have other names from one major version to the next, so the row is read as JSON."""
_COLLATIONS = f"""
{
    row(
        "'collation'",
        "quote_ident(n.nspname) || '.' || quote_ident(o.collname)",
        "pg_collation",
        "o.oid",
        name="quote_ident(o.collname)",
        parent=IN_SCHEMA,
        facets=f"'definition', {_SETTLED}, 'comment', obj_description(o.oid, 'pg_collation')",
        sql=f"format('CREATE COLLATION %I.%I (%s)', n.nspname, o.collname, {_SETTLED})",
    )
}
from pg_collation o join pg_namespace n on n.oid = o.collnamespace where {USER_SCHEMA} and {own("pg_collation", "o")}
"""

QUERIES = tuple(Query(text) for text in (_SCHEMAS, _EXTENSIONS, _COLLATIONS, _ENUMS, _DOMAINS, _COMPOSITES, _RANGES))
"""For kinds that come before relations."""
