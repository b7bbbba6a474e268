"""Queries for tables and what they are made of, sequences and views."""

from __future__ import annotations

from assay.schema.inventory_sql import (
    IN_RELATION,
    IN_SCHEMA,
    RELATION,
    SEQUENCE_OPTIONS,
    USER_SCHEMA,
    Query,
    grants,
    option_facets,
    options,
    own,
    row,
    storage_options,
)

_COMMENT = "'comment', obj_description(c.oid, 'pg_class')"
_FROM = "from pg_class c join pg_namespace n on n.oid = c.relnamespace"
_WHERE = f"{USER_SCHEMA} and {own('pg_class', 'c')}"
_NAMED = "quote_ident(m.nspname) || '.' || quote_ident(p.relname)"
_PARENTS = f"""(select string_agg({_NAMED}, ', ' order by i.inhseqno) from pg_inherits i
    join pg_class p on p.oid = i.inhparent
    join pg_namespace m on m.oid = p.relnamespace where i.inhrelid = c.oid)"""  # noqa: S608 - made of texts of this package
_GRANTS = grants("c.relacl", "'r'", "c.relowner")
_UNLOGGED = "case when c.relpersistence = 'u' then 'UNLOGGED' end"

# --- tables

_INDEX_OF = """(select quote_ident(p.relname) from pg_index i join pg_class p on p.oid = i.indexrelid
    where i.indrelid = c.oid and {})"""
_TABLE_FACETS = f"""
'persistence', {_UNLOGGED}, 'partition by', case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
'partition of', case when c.relispartition then {_PARENTS} || ' ' || pg_get_expr(c.relpartbound, c.oid) end,
'inherits', case when not c.relispartition then {_PARENTS} end,
'options', {storage_options("c.reloptions")},
'of type', case when c.reloftype <> 0 then format_type(c.reloftype, null) end,
'access method', (select quote_ident(amname) from pg_am where oid = c.relam and amname <> 'heap'),
'row security', case when c.relrowsecurity then 'ENABLE' end,
'forced row security', case when c.relforcerowsecurity then 'FORCE' end,
'clustered on', {_INDEX_OF.format("i.indisclustered")},
'replica identity', case c.relreplident when 'n' then 'NOTHING' when 'f' then 'FULL'
    when 'i' then 'USING INDEX ' || {_INDEX_OF.format("i.indisreplident")} end,
{_COMMENT}
"""  # noqa: S608 - made of texts of this package
_TABLE_HEAD = f"""
'CREATE ' || coalesce({_UNLOGGED} || ' ', '') || 'TABLE ' || {RELATION}
    || case when c.relispartition then ' PARTITION OF ' || {_PARENTS} else '' end
"""
_TABLE_TAIL = f"""
case when c.relispartition then ' ' || pg_get_expr(c.relpartbound, c.oid)
    else coalesce(' INHERITS (' || {_PARENTS} || ')', '') end
    || case when c.relkind = 'p' then ' PARTITION BY ' || pg_get_partkeydef(c.oid) else '' end
    || coalesce((select ' USING ' || quote_ident(amname) from pg_am where oid = c.relam and amname <> 'heap'), '')
    || coalesce(' WITH (' || {storage_options("c.reloptions")} || ')', '')
"""  # noqa: S608 - made of texts of this package
_WHOLE = "(select i.inhparent from pg_inherits i where i.inhrelid = c.oid)"
_IN_WHOLE = (
    f"case when c.relispartition then {IN_RELATION[0]} else {IN_SCHEMA[0]} end",
    f"case when c.relispartition then {_WHOLE} else n.oid end",
    "0",
)
"""Where a table is: a partition in the table that it is a part of, any other one in its schema."""
_TABLES = f"""
{
    row(
        "'table'",
        RELATION,
        "pg_class",
        "c.oid",
        name="quote_ident(c.relname)",
        facets=_TABLE_FACETS,
        sql=_TABLE_HEAD,
        parent=_IN_WHOLE,
        also=_GRANTS,
        definition=_TABLE_TAIL,
    )
}
{_FROM} where {_WHERE} and c.relkind in ('r', 'p')
"""

_FOREIGN_OPTIONS = options("f.ftoptions")
_FOREIGN = f"""
{
    row(
        "'foreign table'",
        RELATION,
        "pg_class",
        "c.oid",
        name="quote_ident(c.relname)",
        facets=f"'server', quote_ident(s.srvname), {_COMMENT}",
        sql=f"'CREATE FOREIGN TABLE ' || {RELATION}",
        parent=IN_SCHEMA,
        also=f"{_GRANTS} || {option_facets('f.ftoptions')}",
        definition=f"' SERVER ' || quote_ident(s.srvname) || coalesce(' OPTIONS (' || {_FOREIGN_OPTIONS} || ')', '')",
    )
}
{_FROM} join pg_foreign_table f on f.ftrelid = c.oid join pg_foreign_server s on s.oid = f.ftserver where {_WHERE}
"""

# --- columns

_COLLATION = """(select quote_ident(cn.nspname) || '.' || quote_ident(o.collname) from pg_collation o
    join pg_namespace cn on cn.oid = o.collnamespace where o.oid = a.attcollation and o.oid <> t.typcollation)"""
_DEFAULT = "case when a.attgenerated = '' then pg_get_expr(d.adbin, d.adrelid) end"
_GENERATED = """case when a.attgenerated <> '' then '(' || pg_get_expr(d.adbin, d.adrelid) || ') '
    || case a.attgenerated when 's' then 'STORED' else 'VIRTUAL' end end"""
_IDENTITY = f"""case when a.attidentity <> '' then case a.attidentity when 'a' then 'ALWAYS' else 'BY DEFAULT' end
    || ' ' || (select {SEQUENCE_OPTIONS} from pg_sequence s join pg_depend e on e.objid = s.seqrelid
    and e.classid = 'pg_class'::regclass where e.refclassid = 'pg_class'::regclass and e.refobjid = a.attrelid
    and e.refobjsubid = a.attnum and e.deptype = 'i') end"""  # noqa: S608 - made of texts of this package
_COLUMN = f"""
quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attfdwoptions is null then '' else ' OPTIONS (' || {options("a.attfdwoptions")} || ')' end
    || coalesce(' COLLATE ' || {_COLLATION}, '') || coalesce(' GENERATED ALWAYS AS ' || {_GENERATED}, '')
    || coalesce(' DEFAULT ' || {_DEFAULT}, '')
    || coalesce(regexp_replace({_IDENTITY}, '^(ALWAYS|BY DEFAULT) (.*)$', ' GENERATED \\1 AS IDENTITY (\\2)'), '')
    || case when a.attnotnull then ' NOT NULL' else '' end
"""
_STORAGE = "case a.attstorage when 'p' then 'PLAIN' when 'e' then 'EXTERNAL' when 'm' then 'MAIN' else 'EXTENDED' end"
_COLUMN_FACETS = f"""
'type', format_type(a.atttypid, a.atttypmod), 'collation', {_COLLATION}, 'default', {_DEFAULT},
'not null', case when a.attnotnull then 'NOT NULL' end, 'identity', {_IDENTITY}, 'generated', {_GENERATED},
'statistics', case when a.attstattarget >= 0 then a.attstattarget::text end,
'storage', case when a.attstorage <> t.typstorage then {_STORAGE} end,
'compression', case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end,
'settings', {storage_options("a.attoptions", "('n_distinct', 'n_distinct_inherited')")},
'comment', col_description(c.oid, a.attnum)
"""
_INHERITED = "case when a.attinhcount > 0 and not a.attislocal then {} end"
_SOURCE = (
    _INHERITED.format("""(select i.inhparent from pg_inherits i join pg_attribute pa on pa.attrelid = i.inhparent
    and pa.attname = a.attname where i.inhrelid = c.oid order by i.inhseqno limit 1)"""),
    _INHERITED.format("""(select pa.attnum from pg_inherits i join pg_attribute pa on pa.attrelid = i.inhparent
    and pa.attname = a.attname where i.inhrelid = c.oid order by i.inhseqno limit 1)"""),
)
_ATTRIBUTES = f"""
{_FROM} join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
"""
_COLUMN_GRANTS = grants("a.attacl", "", "c.relowner")


def _columns(kind: str, facets: str, sql: str, definition: str, source: tuple[str, str]) -> str:
    return row(
        f"'{kind}'", f"{RELATION} || '.' || quote_ident(a.attname)", "pg_class", "c.oid",
        name="quote_ident(a.attname)", facets=facets, sql=sql, tab=RELATION, sub="a.attnum", parent=IN_RELATION,
        source=source, also=f"{_COLUMN_GRANTS} || {option_facets('a.attfdwoptions')}", definition=definition,
    )  # fmt: skip


_COLUMNS = f"""
{_columns("column", _COLUMN_FACETS, f"format('ALTER TABLE %s ADD COLUMN %s', {RELATION}, {_COLUMN})", _COLUMN, _SOURCE)}
{_ATTRIBUTES} where {_WHERE} and c.relkind in ('r', 'p', 'f') order by c.oid, a.attnum
"""
_VIEW_COLUMNS = f"""
{
    _columns(
        "view column",
        f"'default', {_DEFAULT}, 'comment', col_description(c.oid, a.attnum)",
        "''",
        "null",
        ("null::oid", "0"),
    )
}
{_ATTRIBUTES} where {_WHERE} and c.relkind in ('v', 'm')
"""

# --- sequences, views

_OWNING = """from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'a'
    and e.refclassid = 'pg_class'::regclass and e.refobjsubid > 0"""
_OWNED_BY = f"""(select {_NAMED} || '.' || quote_ident(pa.attname) from pg_class p join pg_namespace m
    on m.oid = p.relnamespace join pg_attribute pa on pa.attrelid = p.oid
    where (p.oid, pa.attnum) in (select e.refobjid, e.refobjsubid {_OWNING}))"""  # noqa: S608 - made of texts of this package
_IN_COLUMN = tuple(
    f"coalesce((select {there} {_OWNING}), {otherwise})"
    for there, otherwise in (("e.refclassid", IN_SCHEMA[0]), ("e.refobjid", "n.oid"), ("e.refobjsubid", "0"))
)
_SEQUENCES = f"""
{
    row(
        "'sequence'",
        RELATION,
        "pg_class",
        "c.oid",
        name="quote_ident(c.relname)",
        facets=f"'type', format_type(s.seqtypid, null), 'options', {SEQUENCE_OPTIONS}, 'persistence', {_UNLOGGED}, "
        f"'owned by', {_OWNED_BY}, {_COMMENT}",
        sql=f"format('CREATE %sSEQUENCE %s AS %s %s', coalesce({_UNLOGGED} || ' ', ''), {RELATION}, "
        f"format_type(s.seqtypid, null), {SEQUENCE_OPTIONS})",
        parent=(_IN_COLUMN[0], _IN_COLUMN[1], _IN_COLUMN[2]),
        also=grants("c.relacl", "'s'", "c.relowner"),
    )
}
{_FROM} join pg_sequence s on s.seqrelid = c.oid where {_WHERE}
and not exists (select from pg_depend e where e.classid = 'pg_class'::regclass and e.objid = c.oid and e.deptype = 'i')
"""

_BODY = "rtrim(pg_get_viewdef(c.oid), '; ')"
_VIEW_OPTIONS = storage_options("c.reloptions")


def _view(kind: str) -> str:
    return f"""
    {
        row(
            f"'{kind}'",
            RELATION,
            "pg_class",
            "c.oid",
            name="quote_ident(c.relname)",
            facets=f"'definition', {_BODY}, 'options', {_VIEW_OPTIONS}, {_COMMENT}",
            sql=f"format('CREATE {kind.upper()} %s%s AS' || chr(10) || '%s', {RELATION}, "
            f"coalesce(' WITH (' || {_VIEW_OPTIONS} || ')', ''), {_BODY})",
            parent=IN_SCHEMA,
            also=_GRANTS,
        )
    }
    {_FROM} where {_WHERE} and c.relkind = '{"v" if kind == "view" else "m"}'
    """


QUERIES = (
    *(Query(text) for text in (_SEQUENCES, _TABLES, _FOREIGN, _COLUMNS, _view("view"), _view("materialized view"))),
    Query(_VIEW_COLUMNS),
)
"""For relations, in the order in which PostgreSQL could create them if nothing depended on anything."""
