"""The statements that read the catalogs for ``assay schema lint``; ``pg_catalog`` must be the search path.

They need no rights beyond a connection: the catalogs can be read by everybody (manual chapter 52). What belongs to
an extension, temporary tables and the ledger of migrations are left out.
"""

from __future__ import annotations

from assay.migrate.ledger import TABLE as LEDGER
from assay.migrate.unfinished import TABLE as UNFINISHED
from assay.schema.inventory_sql import USER_SCHEMA, Query, own

_SCHEMA = f"{USER_SCHEMA} and {own('pg_namespace', 'n')}"
_TABLE = f"""{_SCHEMA} and {own("pg_class", "c")} and c.relpersistence <> 't'
    and c.relname not in ('{LEDGER}', '{UNFINISHED}')"""

TABLES = Query(f"""
select c.oid::int8 as oid, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as label,
    c.relispartition as partition, c.relkind = 'p' as partitioned,
    c.relhassubclass as has_children, c.relrowsecurity as row_security,
    array(select p.polname::text from pg_policy p where p.polrelid = c.oid order by p.polname) as policies
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and {_TABLE}
order by n.nspname, c.relname
""")  # noqa: S608 - made of texts of this package

COLUMNS = Query("""
select a.attrelid::int8 as table_oid, a.attnum::int4 as number, a.attname as name, quote_ident(a.attname) as quoted,
    a.atttypid::int8 as type_oid, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as not_null,
    not a.attislocal or a.attinhcount > 0 as inherited,
    coalesce((
        select format('%I.%I', sn.nspname, s.relname)
        from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
        join pg_namespace sn on sn.oid = s.relnamespace
        where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'a'
        and d.refobjid = a.attrelid and d.refobjsubid = a.attnum and exists (
            select from pg_attrdef f join pg_depend u on u.classid = 'pg_attrdef'::regclass and u.objid = f.oid
            where f.adrelid = a.attrelid and f.adnum = a.attnum and u.refobjid = s.oid)
        limit 1), '') as serial
from pg_attribute a
where a.attrelid = any($1::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
""")

COUNTERS = Query("""
select d.refobjid::int8 as table_oid, d.refobjsubid::int4 as number,
    format('%I.%I', n.nspname, c.relname) as sequence, d.deptype = 'a' as serial,
    coalesce(case when has_sequence_privilege(c.oid, 'usage') or has_sequence_privilege(c.oid, 'select')
        then pg_sequence_last_value(c.oid) end, 0)::int8 as last,
    least(s.seqmax, case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647
        else 9223372036854775807 end)::int8 as most
from pg_depend d
join pg_class c on c.oid = d.objid and c.relkind = 'S'
join pg_namespace n on n.oid = c.relnamespace
join pg_sequence s on s.seqrelid = c.oid
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
and d.refobjid = any($1::oid[]) and d.refobjsubid > 0 and s.seqincrement > 0 and not s.seqcycle
order by d.refobjid, d.refobjsubid
""")

INDEXES = Query(
    """
select i.indexrelid::int8 as oid, i.indrelid::int8 as table_oid, n.nspname as schema, x.relname as name,
    format('%I.%I', n.nspname, x.relname) as label, m.amname as method,
    coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate, i.indisunique as "unique",
    i.indisprimary as "primary", true as nulls_distinct, i.indimmediate as immediate,
    i.indisvalid and i.indisready as valid, coalesce(quote_ident(con.conname), '') as "constraint",
    i.indisexclusion as exclusion,
    i.indisreplident or i.indisclustered or exists (
        select from pg_constraint f where f.contype = 'f' and f.conindid = i.indexrelid) as needed,
    x.relispartition as attached, x.relkind = 'I' as partitioned,
    coalesce((select array_agg(o order by o) from unnest(x.reloptions) o), '{}') as storage,
    exists (
        select from pg_locks l where l.locktype = 'relation' and l.relation = i.indrelid and l.granted
        and l.database = (select d.oid from pg_database d where d.datname = current_database())
        and l.mode in ('ShareUpdateExclusiveLock', 'ShareLock') and l.pid <> pg_backend_pid()) as being_built,
    case when x.relkind = 'i' then coalesce(pg_relation_size(x.oid), 0) else 0 end as size,
    coalesce(pg_stat_get_numscans(x.oid), 0) as scans, i.indnkeyatts::int4 as key_count,
    (select json_agg(json_build_array(
        i.indkey[k - 1], pg_get_indexdef(i.indexrelid, k, false), coalesce(oc.opcfamily::int8, 0),
        coalesce(oc.opcintype::int8, 0), case when k <= i.indnkeyatts then i.indcollation[k - 1]::int8 else 0 end,
        case when k <= i.indnkeyatts then i.indoption[k - 1] & 1 = 1 else false end,
        case when k <= i.indnkeyatts then i.indoption[k - 1] & 2 = 2 else false end,
        coalesce(array_to_string(a.attoptions, ','), '')) order by k)
    from generate_series(1, i.indnatts) k
    left join pg_opclass oc on k <= i.indnkeyatts and oc.oid = i.indclass[k - 1]
    left join pg_attribute a on a.attrelid = i.indexrelid and a.attnum = k)::text as keys
from pg_index i
join pg_class x on x.oid = i.indexrelid
join pg_namespace n on n.oid = x.relnamespace
join pg_am m on m.oid = x.relam
left join pg_constraint con on con.conindid = i.indexrelid and con.conrelid = i.indrelid
    and con.contype in ('p', 'u', 'x')
where i.indrelid = any($1::oid[]) and i.indislive
order by i.indrelid, i.indexrelid
""",
    ((15, "true as nulls_distinct", "not i.indnullsnotdistinct as nulls_distinct"),),
)

FOREIGN_KEYS = Query("""
select con.oid::int8 as oid, con.conrelid::int8 as table_oid, con.conname as name, quote_ident(con.conname) as quoted,
    con.conkey::int4[] as columns, con.confrelid::int8 as referred, rc.relname as referred_name,
    format('%I.%I', rn.nspname, rc.relname) as referred_label, con.confkey::int4[] as referred_columns,
    con.convalidated as valid, concat(con.confdeltype, con.confupdtype) as actions,
    array(select format_type(a.atttypid, a.atttypmod) from unnest(con.confkey) with ordinality u (number, place)
        join pg_attribute a on a.attrelid = con.confrelid and a.attnum = u.number order by u.place) as referred_types,
    array(select a.attcollation::int8 from unnest(con.conkey) with ordinality u (number, place)
        join pg_attribute a on a.attrelid = con.conrelid and a.attnum = u.number order by u.place) as collations,
    (select json_agg((select json_agg(distinct p.amopfamily::int8) from pg_amop p
        where p.amopopr = o.operator and p.amoppurpose = 's') order by o.place)
    from unnest(con.conpfeqop) with ordinality o (operator, place))::text as families
from pg_constraint con
join pg_class rc on rc.oid = con.confrelid
join pg_namespace rn on rn.oid = rc.relnamespace
where con.contype = 'f' and con.conparentid = 0 and con.conrelid = any($1::oid[])
order by con.conrelid, con.oid
""")

CONSTRAINTS = Query(
    """
select con.conrelid::int8 as table_oid, con.conname as name, quote_ident(con.conname) as quoted,
    case con.contype when 'c' then 'check' else 'not null' end as kind, pg_get_constraintdef(con.oid) as definition,
    con.convalidated as valid, coalesce(con.conkey::int4[], '{}') as columns
from pg_constraint con
where con.contype in ('c', 'n') and con.conrelid = any($1::oid[]) and con.coninhcount = 0 and true
order by con.conrelid, con.conname
""",
    ((18, "and true", "and con.conenforced"),),
)

OPEN_GRANTS = Query(f"""
select 'table' as kind, n.nspname as schema, c.relname as name, format('%I.%I', n.nspname, c.relname) as label,
    c.relname as table, g.privileges
from pg_class c join pg_namespace n on n.oid = c.relnamespace, lateral (
    select array_agg(lower(x.privilege_type) order by x.privilege_type) as privileges
    from aclexplode(c.relacl) x where x.grantee = 0) g
where c.relkind in ('r', 'p', 'v', 'm', 'f') and g.privileges is not null and not c.relispartition and {_TABLE}
union all
select 'sequence', n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), c.relname, g.privileges
from pg_class c join pg_namespace n on n.oid = c.relnamespace, lateral (
    select array_agg(lower(x.privilege_type) order by x.privilege_type) as privileges
    from aclexplode(c.relacl) x where x.grantee = 0) g
where c.relkind = 'S' and g.privileges is not null and {_TABLE}
union all
select 'column', n.nspname, a.attname, format('%I.%I.%I', n.nspname, c.relname, a.attname), c.relname, g.privileges
from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace, lateral (
    select array_agg(lower(x.privilege_type) order by x.privilege_type) as privileges
    from aclexplode(a.attacl) x where x.grantee = 0) g
where not a.attisdropped and g.privileges is not null and not c.relispartition and {_TABLE}
union all
select 'schema', n.nspname, n.nspname, quote_ident(n.nspname), '', array['create']
from pg_namespace n
where {_SCHEMA} and exists (select from aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
    where x.grantee = 0 and x.privilege_type = 'CREATE')
order by 4
""")  # noqa: S608 - made of texts of this package

LONE_INSERTS = Query(f"""
select 'sequence' as kind, sn.nspname as schema, s.relname as name, format('%I.%I', sn.nspname, s.relname) as label,
    c.relname as table, array['usage'] as privileges, quote_ident(r.rolname) as grantee
from pg_class c join pg_namespace n on n.oid = c.relnamespace
join pg_attrdef f on f.adrelid = c.oid
join pg_depend u on u.classid = 'pg_attrdef'::regclass and u.objid = f.oid and u.refclassid = 'pg_class'::regclass
join pg_class s on s.oid = u.refobjid and s.relkind = 'S'
join pg_namespace sn on sn.oid = s.relnamespace
cross join lateral (select distinct x.grantee from aclexplode(c.relacl) x
    where x.privilege_type = 'INSERT' and x.grantee <> 0) g
join pg_roles r on r.oid = g.grantee
where c.relkind in ('r', 'p') and not c.relispartition and {_TABLE}
and not has_sequence_privilege(r.oid, s.oid, 'usage') and not has_sequence_privilege(r.oid, s.oid, 'update')
order by 4, 7
""")  # noqa: S608 - made of texts of this package

DEFINERS = Query(f"""
select case p.prokind when 'p' then 'procedure' else 'function' end as kind, n.nspname as schema, p.proname as name,
    format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as label
from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where p.prosecdef and p.prokind in ('f', 'p') and {_SCHEMA} and {own("pg_proc", "p")}
and not exists (select from unnest(p.proconfig) setting where setting like 'search\\_path=%')
and p.prosqlbody is null
order by 4
""")  # noqa: S608 - made of texts of this package

ENUMS = Query(f"""
select n.nspname as schema, t.typname as name, format('%I.%I', n.nspname, t.typname) as label,
    array(select e.enumlabel::text from pg_enum e where e.enumtypid = t.oid order by e.enumsortorder) as values
from pg_type t join pg_namespace n on n.oid = t.typnamespace
where t.typtype = 'e' and {_SCHEMA} and {own("pg_type", "t")}
order by 1, 2
""")  # noqa: S608 - made of texts of this package

STATISTICS = Query(
    """
select extract(epoch from now() - greatest(
        (select d.stats_reset from pg_stat_database d where d.datname = current_database()),
        (select b.stats_reset from pg_stat_bgwriter b)))::float8 / 86400 as days,
    (select count(*) from pg_stat_replication r) as replicas
"""
)
"""The statistics of the background writer begin with the cluster, and anew after a crash, when all are lost."""
