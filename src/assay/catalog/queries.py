"""The statements that read pg_catalog; each takes an array of OIDs and gives one JSON array.

They mean the same whatever the session's search_path is: every function, type and table is named with its schema,
and so is every operator, by ``qualified``. IN, NULLIF, BETWEEN and CASE with an operand are not used, because they
look an operator up by its bare name (manual section 4.2.5 has OPERATOR(); parse_oper.c).
"""

from __future__ import annotations

import re

_BARE = re.compile(r"(?<= )(=|<>|<=|>=|<|>|-)(?= )")


def qualified(sql: str) -> str:
    """The same statement with PostgreSQL's own operators, also where the search path has others of the same name.

    OPERATOR() binds tighter than a comparison and looser than arithmetic: so neither stands inside the other here.
    """
    return _BARE.sub(r"operator(pg_catalog.\1)", sql)


RELATIONS = qualified("""
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
            'identity', a.attidentity <> '', 'stored', a.attgenerated = 's',
            'has_default', a.atthasdef or a.attidentity <> '' or exists (
                select from pg_catalog.pg_type t where t.oid = a.atttypid and t.typdefault is not null)
            ) order by a.attnum)
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
                        and not ((l.opcintype = 1082 or l.opcintype = 1114)
                            and (o.amoplefttype = 1184 or o.amoprighttype = 1184))),
                    i.indcollation[k]::pg_catalog.int8,
                    (select l.opcfamily::pg_catalog.int8 from pg_catalog.pg_opclass l where l.oid = i.indclass[k])
                    ) order by k)
                from pg_catalog.generate_series(0, i.indnkeyatts - 1) k)) order by x.relname)
        from pg_catalog.pg_index i
        join pg_catalog.pg_class x on x.oid = i.indexrelid
        join pg_catalog.pg_am m on m.oid = x.relam and m.amname = 'btree'
        where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indimmediate
        and i.indpred is null and i.indexprs is null),
    'planned', (
        -- Expressions that are simplified, and so evaluated where they are constant, to plan a statement.
        select pg_catalog.json_agg(distinct part.tree::pg_catalog.text) from below b, lateral (
            select i.indpred from pg_catalog.pg_index i where i.indrelid = b.oid
            union all select i.indexprs from pg_catalog.pg_index i where i.indrelid = b.oid
            union all select con.conbin from pg_catalog.pg_constraint con where con.conrelid = b.oid
            union all select k.partexprs from pg_catalog.pg_partitioned_table k where k.partrelid = b.oid
            union all select x.stxexprs from pg_catalog.pg_statistic_ext x where x.stxrelid = b.oid
        ) part (tree) where b.root = c.oid and part.tree is not null),
    'checks', (
        select pg_catalog.json_agg(pg_catalog.json_build_object(
            'name', con.conname, 'tree', con.conbin::pg_catalog.text, 'inherited', not con.connoinherit)
            order by con.conname)
        from pg_catalog.pg_constraint con
        where con.conrelid = c.oid and con.contype = 'c' and con.convalidated /*enforced*/),
    'triggers', (
        select pg_catalog.json_agg(t.tgtype) from pg_catalog.pg_trigger t
        where exists (select from below b where b.root = c.oid and b.oid = t.tgrelid)
        -- On 14 the triggers that a partition has from its partitioned table are marked as internal.
        and (not t.tgisinternal or t.tgparentid <> 0) and t.tgenabled <> 'D'),
    'rules', (
        select pg_catalog.json_agg(
            case when r.ev_type = '1' then 'select' when r.ev_type = '2' then 'update'
            when r.ev_type = '3' then 'insert' else 'delete' end)
        from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and r.ev_enabled <> 'D' and r.rulename <> '_RETURN'),
    'view', (
        select r.ev_action::pg_catalog.text from pg_catalog.pg_rewrite r
        where r.ev_class = c.oid and r.rulename = '_RETURN')))::pg_catalog.text
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = any($1::pg_catalog.oid[])
""")

FUNCTIONS = qualified("""
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
        where p.proargmodes[k] = any('{o,b,t}'::pg_catalog."char"[])), '[]'),
    'replaced', p.oid < 16384 and (
        (l.lanname <> 'internal' and l.lanname <> 'sql')
        or exists (
            select from pg_catalog.pg_aggregate g, pg_catalog.unnest(array[
                g.aggtransfn, g.aggfinalfn, g.aggmtransfn, g.aggmfinalfn, g.aggcombinefn]::pg_catalog.oid[]) part
            where g.aggfnoid = p.oid and part >= 16384)),
    'only_input', p.proargmodes is null,
    'defaults', coalesce(p.proargdefaults::pg_catalog.text, ''),
    'settings', coalesce(pg_catalog.to_json(p.proconfig), '[]')))::pg_catalog.text
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
join pg_catalog.pg_language l on l.oid = p.prolang
where p.oid = any($1::pg_catalog.oid[])
""")

OPERATORS = qualified("""
-- The functions that operators stand for, and those of their negators; 0 for none.
select pg_catalog.json_agg(pg_catalog.json_build_array(
    o.oid::pg_catalog.int8, o.oprcode::pg_catalog.oid::pg_catalog.int8,
    coalesce(e.oprcode::pg_catalog.oid, 0)::pg_catalog.int8))::pg_catalog.text
from pg_catalog.pg_operator o left join pg_catalog.pg_operator e on e.oid = o.oprnegate
where o.oid = any($1::pg_catalog.oid[])
""")

WHOLE_DATABASE = qualified("""
-- Collations by which different strings can be equal, and whether users have changed how values are compared, and how
-- they become text and JSON. A function in C that is not volatile is taken to compare and do no more.
select pg_catalog.json_build_object(
    'nondeterministic', (
        select pg_catalog.json_agg(c.oid::pg_catalog.int8) from pg_catalog.pg_collation c
        where not c.collisdeterministic),
    'casts_to_text', exists (
        select from pg_catalog.pg_cast t where t.casttarget = 'pg_catalog.text'::pg_catalog.regtype and t.oid >= 16384),
    'casts_to_json', exists (
        select from pg_catalog.pg_cast t where t.castfunc >= 16384 and (
            t.casttarget = 'pg_catalog.json'::pg_catalog.regtype
            or t.casttarget = 'pg_catalog.jsonb'::pg_catalog.regtype)),
    'event_triggers', (
        select pg_catalog.json_agg(distinct e.evtenabled) from pg_catalog.pg_event_trigger e
        where e.evtenabled <> 'D' and (e.evtevent = 'ddl_command_start' or e.evtevent = 'ddl_command_end')
        and (e.evttags is null or 'CREATE FUNCTION' = any(e.evttags) or 'CREATE TYPE' = any(e.evttags))),
    'checked_by_users', (
        -- What came with the server is not in pg_depend.
        select pg_catalog.json_agg(distinct con.contypid::pg_catalog.int8)
        from pg_catalog.pg_constraint con join pg_catalog.pg_depend d
        on d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objid = con.oid
        where con.contypid <> 0 and d.refobjid <> con.contypid and (
            d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            or d.refclassid = 'pg_catalog.pg_operator'::pg_catalog.regclass
            or d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)),
    'strange_ranges', (
        select pg_catalog.json_agg(part.oid::pg_catalog.int8)
        from pg_catalog.pg_range r join pg_catalog.pg_proc f on f.oid = r.rngcanonical
        join pg_catalog.pg_language l on l.oid = f.prolang, lateral (values (r.rngtypid), (r.rngmultitypid)) part (oid)
        where f.oid >= 16384 and ((l.lanname <> 'c' and l.lanname <> 'internal') or f.provolatile = 'v')),
    'strange_classes', (
        select pg_catalog.json_agg(distinct part.family::pg_catalog.int8)
        from (
            select p.amprocfamily, p.amproc::pg_catalog.oid from pg_catalog.pg_amproc p where p.amproc >= 16384
            union all
            select o.amopfamily, r.oprcode::pg_catalog.oid
            from pg_catalog.pg_amop o join pg_catalog.pg_operator r on r.oid = o.amopopr where r.oprcode >= 16384
        ) part (family, function)
        join pg_catalog.pg_proc f on f.oid = part.function join pg_catalog.pg_language l on l.oid = f.prolang
        where (l.lanname <> 'c' and l.lanname <> 'internal') or f.provolatile = 'v')
    )::pg_catalog.text
""")

TYPES = qualified("""
-- Types with what they are made of, and what that is made of in turn.
with recursive needed (oid) as (
    select t.oid from pg_catalog.pg_type t where t.oid = any($1::pg_catalog.oid[])
    union
    select inner_oid from needed join pg_catalog.pg_type t on t.oid = needed.oid, lateral (
        select t.typelem where t.typelem <> 0
        union all select t.typbasetype where t.typbasetype <> 0
        union all select r.rngsubtype from pg_catalog.pg_range r where t.oid = r.rngtypid or t.oid = r.rngmultitypid
        union all select a.atttypid from pg_catalog.pg_attribute a
            where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    ) as made (inner_oid)
)
select pg_catalog.json_agg(pg_catalog.json_build_object(
    'oid', t.oid::pg_catalog.int8, 'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
    'visible', pg_catalog.pg_type_is_visible(t.oid),
    'is_array', exists (select from pg_catalog.pg_type e where e.oid = t.typelem and e.typarray = t.oid),
    'element', coalesce(
        case when t.typbasetype <> 0 then t.typbasetype end,
        (select r.rngsubtype from pg_catalog.pg_range r where t.oid = r.rngtypid or t.oid = r.rngmultitypid),
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
""")
