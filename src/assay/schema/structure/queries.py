"""The statements that read relations; names in them are resolved in ``pg_catalog`` first."""

from __future__ import annotations

from assay.schema.inventory_sql import USER_SCHEMA, own

SEARCH_PATH = """
select pg_catalog.set_config('search_path', 'pg_catalog' || coalesce(', ' || nullif(setting, ''), ''), true)
from pg_catalog.pg_settings where name operator(pg_catalog.=) 'search_path'
"""
"""Keeps what the search path finds, and nothing in it can stand in the place of what every server has."""

_ACTION = """case {} when 'c' then 'cascade' when 'n' then 'set null' when 'd' then 'set default'
    when 'r' then 'restrict' else 'no action' end"""
_NAMES = """(select jsonb_agg(a.attname order by at) from unnest({}) with ordinality w(number, at)
    join pg_attribute a on a.attrelid = {} and a.attnum = w.number)"""

_COLUMNS = """
select jsonb_agg(jsonb_build_object(
    'name', a.attname, 'quoted', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod),
    'cast', format_type(a.atttypid, -1), 'not_null', a.attnotnull,
    'default', coalesce(pg_get_expr(d.adbin, d.adrelid), ''),
    'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' else '' end,
    'generated', case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' else '' end,
    'sequence', exists (
        select from pg_depend e join pg_depend s on s.classid = 'pg_class'::regclass and s.objid = e.refobjid
        and s.refclassid = 'pg_class'::regclass and s.refobjid = c.oid and s.refobjsubid = a.attnum and s.deptype = 'a'
        where e.classid = 'pg_attrdef'::regclass and e.objid = d.oid and e.refclassid = 'pg_class'::regclass),
    'comment', coalesce(col_description(c.oid, a.attnum), '')) order by a.attnum)
from pg_attribute a left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
"""

_KEYS = f"""
select jsonb_agg(jsonb_build_object('name', x.relname, 'primary', i.indisprimary,
    'columns', {_NAMES.format("(i.indkey::int2[])[0 : i.indnkeyatts - 1]", "c.oid")})
    order by i.indisprimary desc, x.relname)
from pg_index i join pg_class x on x.oid = i.indexrelid
where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate and i.indpred is null
    and i.indexprs is null
"""  # noqa: S608 - made of texts of this package

_FOREIGN_KEYS = f"""
select jsonb_agg(jsonb_build_object('name', k.conname, 'columns', {_NAMES.format("k.conkey", "k.conrelid")},
    'target', jsonb_build_array(rn.nspname, r.relname), 'target_columns', {_NAMES.format("k.confkey", "k.confrelid")},
    'on_delete', {_ACTION.format("k.confdeltype")}, 'on_update', {_ACTION.format("k.confupdtype")}) order by k.conname)
from pg_constraint k join pg_class r on r.oid = k.confrelid join pg_namespace rn on rn.oid = r.relnamespace
where k.conrelid = c.oid and k.contype = 'f' and (k.conparentid = 0 or k.conislocal)
    and not exists (select from pg_constraint above where above.oid = k.conparentid and above.conrelid = k.conrelid)
"""  # noqa: S608 - made of texts of this package

RELATIONS = f"""
select jsonb_build_object(
    'schema', n.nspname, 'name', c.relname,
    'quoted', case when pg_table_is_visible(c.oid) then '' else quote_ident(n.nspname) || '.' end
        || quote_ident(c.relname),
    'identity', quote_ident(n.nspname) || '.' || quote_ident(c.relname),
    'kind', case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'f' then 'foreign table'
        when 'v' then 'view' else 'materialized view' end,
    'visible', pg_table_is_visible(c.oid),
    'partition_of', (
        select jsonb_build_array(pn.nspname, p.relname) from pg_inherits h join pg_class p on p.oid = h.inhparent
        join pg_namespace pn on pn.oid = p.relnamespace where c.relispartition and h.inhrelid = c.oid),
    'inherited', c.relkind <> 'p' and exists (select from pg_inherits h where h.inhparent = c.oid),
    'comment', coalesce(obj_description(c.oid, 'pg_class'), ''),
    'columns', coalesce(({_COLUMNS}), '[]'),
    'keys', coalesce(({_KEYS}), '[]'),
    'foreign_keys', coalesce(({_FOREIGN_KEYS}), '[]'))::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'f', 'v', 'm') and {USER_SCHEMA} and {own("pg_class", "c")} and c.relname <> all ($1)
order by not pg_table_is_visible(c.oid), n.nspname collate "C", c.relname collate "C"
"""  # noqa: S608 - made of texts of this package
"""A JSON object for each relation."""
