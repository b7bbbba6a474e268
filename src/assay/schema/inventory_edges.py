"""What depends on what, which rows of the catalogs stand for objects of an inventory, and what casts there are."""

from __future__ import annotations

EDGES = """
select classid as cls, objid as id, objsubid as sub, refclassid as pcls, refobjid as pid, refobjsubid as psub
from pg_depend where deptype <> 'e' and refobjid >= 16384
"""
"""Of pg_depend, without what every system has."""

ALIASES = """
select 'pg_rewrite'::regclass::oid as cls, r.oid as id, 0 as sub,
    'pg_class'::regclass::oid as pcls, r.ev_class as pid, 0 as psub
from pg_rewrite r where r.rulename = '_RETURN'
union all select 'pg_attrdef'::regclass::oid, oid, 0, 'pg_class'::regclass::oid, adrelid, adnum from pg_attrdef
union all select 'pg_type'::regclass::oid, t.oid, 0, 'pg_class'::regclass::oid, t.typrelid, 0
from pg_type t where t.typrelid <> 0
union all select 'pg_type'::regclass::oid, t.oid, 0, 'pg_type'::regclass::oid, t.typelem, 0
from pg_type t where t.typelem <> 0 and t.typcategory = 'A'
union all select 'pg_type'::regclass::oid, r.rngmultitypid, 0, 'pg_type'::regclass::oid, r.rngtypid, 0 from pg_range r
union all select 'pg_class'::regclass::oid, k.conindid, 0, 'pg_constraint'::regclass::oid, k.oid, 0
from pg_constraint k where k.contype in ('p', 'u', 'x')
union all select 'pg_constraint'::regclass::oid, k.oid, 0, 'pg_type'::regclass::oid, k.contypid, 0
from pg_constraint k where k.contypid <> 0
union all select 'pg_class'::regclass::oid, d.objid, 0, 'pg_class'::regclass::oid, d.refobjid, d.refobjsubid
from pg_depend d join pg_class c on c.oid = d.objid and c.relkind = 'S'
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype = 'i'
union all select 'pg_publication_rel'::regclass::oid, p.oid, 0, 'pg_publication'::regclass::oid, p.prpubid, 0
from pg_publication_rel p
union all select d.classid, d.objid, 0, d.refclassid, d.refobjid, 0 from pg_depend d where d.deptype = 'e'
"""
"""Rules of views stand for the views, defaults for columns, row and array types for what they are of, members for
extensions, and so on."""

CASTS = """
select format_type(castsource, null) as source, format_type(casttarget, null) as target from pg_cast
"""
