"""The statements that read pg_catalog; each takes an array of OIDs and gives one JSON array."""

RELATIONS = """
-- Tables and views with their columns, unique indexes, checks, triggers, rules and descendants.
with recursive below (root, oid) as (
    select c.oid, c.oid from pg_catalog.pg_class c where c.oid = any($1::pg_catalog.oid[])
    union
    select b.root, h.inhrelid from below b join pg_catalog.pg_inherits h on h.inhparent = b.oid
)
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', c.oid::pg_catalog.int8, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
    'has_children', exists (select from below b where b.root = c.oid and b.oid <> c.oid),
    'foreign_below', exists (
        select from below b join pg_catalog.pg_class d on d.oid = b.oid where b.root = c.oid and d.relkind = 'f'),
    'row_security', c.relrowsecurity,
    'policies', (
        select pg_catalog.json_agg(p.polqual::pg_catalog.text order by p.polname) from pg_catalog.pg_policy p
        where p.polrelid = c.oid and c.relrowsecurity and p.polqual is not null),
    'attributes', (
        select pg_catalog.json_agg(pg_catalog.json_build_object(
            'number', a.attnum, 'name', a.attname, 'type_oid', a.atttypid::pg_catalog.int8,
            'not_null', a.attnotnull /*valid_not_null*/,
            'not_null_below', not exists (
                select from below b join pg_catalog.pg_attribute d on d.attrelid = b.oid
                where b.root = c.oid and d.attname = a.attname and not d.attisdropped and not (
                    select d.attnotnull /*valid_not_null*/ from pg_catalog.pg_attribute a
                    where a.attrelid = d.attrelid and a.attnum = d.attnum)),
            'primary', exists (
                select from pg_catalog.pg_index i
                where i.indrelid = c.oid and i.indisprimary and a.attnum = any(i.indkey)),
            'generated', case when a.attgenerated <> '' then (
                select f.adbin::pg_catalog.text from pg_catalog.pg_attrdef f
                where f.adrelid = c.oid and f.adnum = a.attnum) else '' end,
            'identity', a.attidentity <> '') order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    'keys', (
        select pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', x.relname, 'primary', i.indisprimary, 'nulls_distinct', /*nulls_distinct*/,
            'columns', (
                select pg_catalog.json_agg(pg_catalog.json_build_array(
                    i.indkey[k], (
                        -- timestamp = timestamptz, and date = timestamptz, call several local times equal to one
                        -- instant: those that the clock leaves out when it is put forward.
                        select pg_catalog.json_agg(o.amopopr::pg_catalog.int8)
                        from pg_catalog.pg_opclass l join pg_catalog.pg_amop o on o.amopfamily = l.opcfamily
                        where l.oid = i.indclass[k] and o.amopstrategy = 3 and o.amoppurpose = 's'
                        and not (l.opcintype in (1082, 1114) and 1184 in (o.amoplefttype, o.amoprighttype))),
                    i.indcollation[k]::pg_catalog.int8) order by k)
                from pg_catalog.generate_series(0, i.indnkeyatts - 1) k)) order by x.relname)
        from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid
        join pg_catalog.pg_am m on m.oid = x.relam and m.amname = 'btree'
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
        and i.indpred is null and i.indexprs is null),
    'checks', (
        select pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', con.conname, 'tree', con.conbin::pg_catalog.text, 'inherited', not con.connoinherit)
            order by con.conname)
        from pg_catalog.pg_constraint con
        where con.conrelid = c.oid and con.contype = 'c' and con.convalidated /*enforced*/),
    'triggers', (
        select pg_catalog.json_agg(t.tgtype) from pg_catalog.pg_trigger t
        where t.tgrelid in (select b.oid from below b where b.root = c.oid)
        -- On 14 the triggers that a partition has from its partitioned table are marked as internal.
        and (not t.tgisinternal or t.tgparentid <> 0) and t.tgenabled <> 'D'),
    'rules', (
        select pg_catalog.json_agg(
            case r.ev_type when '1' then 'select' when '2' then 'update' when '3' then 'insert' else 'delete' end)
        from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and r.ev_enabled <> 'D' and r.rulename <> '_RETURN'),
    'view', (
        select r.ev_action::pg_catalog.text from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and r.rulename = '_RETURN')))::pg_catalog.text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any($1::pg_catalog.oid[])
"""

FUNCTIONS = """
-- Functions with what tells whether they can return NULL and whether they can write.
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', p.oid::pg_catalog.int8, 'schema', n.nspname, 'name', p.proname, 'kind', p.prokind,
    'strict', p.proisstrict, 'returns_set', p.proretset, 'volatility', p.provolatile, 'language', l.lanname,
    'result_type', p.prorettype::pg_catalog.int8,
    'argument_types', pg_catalog.to_json(p.proargtypes::pg_catalog.oid[]::pg_catalog.int8[]),
    'source', p.prosrc, 'body', coalesce(p.prosqlbody::pg_catalog.text, ''),
    'output_types', coalesce((
        select pg_catalog.json_agg(p.proallargtypes[k]::pg_catalog.int8 order by k)
        from pg_catalog.generate_subscripts(p.proallargtypes, 1) k
        where p.proargmodes[k] in ('o', 'b', 't')), '[]'),
    'transforms', p.proconfig is not null))::pg_catalog.text
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where p.oid = any($1::pg_catalog.oid[])
"""

OPERATORS = """
-- The functions that operators stand for.
select pg_catalog.json_agg(pg_catalog.json_build_array(
    o.oid::pg_catalog.int8, o.oprcode::pg_catalog.oid::pg_catalog.int8))::pg_catalog.text
from pg_catalog.pg_operator o where o.oid = any($1::pg_catalog.oid[])
"""

WHOLE_DATABASE = """
-- Collations by which different strings can be equal, and whether users have changed how values become text.
select pg_catalog.json_build_object(
    'nondeterministic', (
        select pg_catalog.json_agg(c.oid::pg_catalog.int8) from pg_catalog.pg_collation c
        where not c.collisdeterministic),
    'casts_to_text', exists (
        select from pg_catalog.pg_cast t where t.casttarget = 'pg_catalog.text'::pg_catalog.regtype and t.oid >= 16384)
    )::pg_catalog.text
"""

TYPES = """
-- Types with what they are made of, and what that is made of in turn.
with recursive needed (oid) as (
    select t.oid from pg_catalog.pg_type t where t.oid = any($1::pg_catalog.oid[])
    union
    select inner_oid from needed join pg_catalog.pg_type t on t.oid = needed.oid, lateral (
        select t.typelem where t.typelem <> 0
        union all select t.typbasetype where t.typbasetype <> 0
        union all select r.rngsubtype from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)
        union all select a.atttypid from pg_catalog.pg_attribute a
            where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) as made (inner_oid)
)
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', t.oid::pg_catalog.int8, 'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
    'visible', pg_catalog.pg_type_is_visible(t.oid),
    'is_array', exists (select from pg_catalog.pg_type e where e.oid = t.typelem and e.typarray = t.oid),
    'element', coalesce(
        nullif(t.typbasetype, 0),
        (select r.rngsubtype from pg_catalog.pg_range r where t.oid in (r.rngtypid, r.rngmultitypid)),
        t.typelem)::pg_catalog.int8,
    'labels', (select pg_catalog.json_agg(e.enumlabel order by e.enumsortorder)
        from pg_catalog.pg_enum e where e.enumtypid = t.oid),
    'fields', (select pg_catalog.json_agg(
            pg_catalog.json_build_array(a.attname, a.atttypid::pg_catalog.int8) order by a.attnum)
        from pg_catalog.pg_attribute a
        where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped),
    'checks', (select pg_catalog.json_agg(con.conbin::pg_catalog.text order by con.conname)
        from pg_catalog.pg_constraint con where con.contypid = t.oid and con.contype = 'c'),
    'not_null', t.typnotnull))::pg_catalog.text
from needed join pg_catalog.pg_type t on t.oid = needed.oid
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
"""
