"""Queries for what is said about tables, for routines, and for what has no schema."""

from __future__ import annotations

from assay.schema.inventory_sql import (
    IN_RELATION,
    IN_SCHEMA,
    RELATION,
    USER_SCHEMA,
    Query,
    grants,
    option_facets,
    options,
    own,
    row,
)

_FROM = "join pg_class c on c.oid = {} join pg_namespace n on n.oid = c.relnamespace"
_WHERE = f"{USER_SCHEMA} and {own('pg_class', 'c')}"


def _on_table(kind: str, catalog: str, alias: str, name: str, facets: str, sql: str) -> str:
    """Something with a name within a table."""
    return row(
        f"'{kind}'", f"quote_ident({name}) || ' ON ' || {RELATION}", catalog, f"{alias}.oid",
        name=f"quote_ident({name})", tab=RELATION, parent=IN_RELATION, sql=sql,
        facets=f"{facets}, 'comment', obj_description({alias}.oid, '{catalog}')",
    )  # fmt: skip


_CONSTRAINTS = f"""
{
    _on_table(
        "constraint",
        "pg_constraint",
        "k",
        "k.conname",
        "'definition', pg_get_constraintdef(k.oid)",
        f"format('ALTER TABLE %s ADD CONSTRAINT %I %s', {RELATION}, k.conname, pg_get_constraintdef(k.oid))",
    )
}
from pg_constraint k {_FROM.format("k.conrelid")}
where {_WHERE} and k.contype in ('c', 'f', 'p', 'u', 'x') and k.conparentid = 0 and k.conislocal
order by position(k.contype::text in 'puxcf'), k.oid
"""

_INDEXES = f"""
{
    row(
        "'index'",
        "quote_ident(n.nspname) || '.' || quote_ident(x.relname)",
        "pg_class",
        "x.oid",
        name="quote_ident(x.relname)",
        tab=RELATION,
        parent=IN_RELATION,
        sql=f"replace(pg_get_indexdef(x.oid), ' ON ONLY ' || {RELATION}, ' ON ' || {RELATION})",
        facets="'definition', pg_get_indexdef(x.oid), 'valid', case when not i.indisvalid then 'INVALID' end, "
        "'statistics', (select string_agg(a.attnum || ' ' || a.attstattarget, ', ' order by a.attnum) "
        "from pg_attribute a "
        "where a.attrelid = x.oid and a.attstattarget >= 0), 'comment', obj_description(x.oid, 'pg_class')",
    )
}
from pg_index i join pg_class x on x.oid = i.indexrelid {_FROM.format("i.indrelid")}
where {_WHERE} and not x.relispartition
and not exists (select from pg_constraint k where k.conindid = x.oid and k.contype in ('p', 'u', 'x'))
"""  # noqa: S608 - made of texts of this package

_FIRES = "case {0} when 'D' then 'DISABLE' when 'R' then 'ENABLE REPLICA' when 'A' then 'ENABLE ALWAYS' end"
_TRIGGERS = f"""
{
    _on_table(
        "trigger",
        "pg_trigger",
        "g",
        "g.tgname",
        f"'definition', pg_get_triggerdef(g.oid), 'enabled', {_FIRES.format('g.tgenabled')}",
        "pg_get_triggerdef(g.oid)",
    )
}
from pg_trigger g {_FROM.format("g.tgrelid")} where {_WHERE} and not g.tgisinternal and g.tgparentid = 0
"""

_RULES = f"""
{
    _on_table(
        "rule",
        "pg_rewrite",
        "u",
        "u.rulename",
        f"'definition', pg_get_ruledef(u.oid), 'enabled', {_FIRES.format('u.ev_enabled')}",
        "rtrim(pg_get_ruledef(u.oid), ';')",
    )
}
from pg_rewrite u {_FROM.format("u.ev_class")} where {_WHERE} and u.rulename <> '_RETURN'
"""

_COMMANDS = """case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE'
    else 'ALL' end"""
_ROLES = """(select string_agg(case r when 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(r)) end, ', '
    order by pg_get_userbyid(r)) from unnest(p.polroles) r)"""
_KIND = "case when p.polpermissive then 'PERMISSIVE' else 'RESTRICTIVE' end"
_POLICIES = f"""
{
    _on_table(
        "policy",
        "pg_policy",
        "p",
        "p.polname",
        f"'kind', {_KIND}, 'command', {_COMMANDS}, 'roles', {_ROLES}, "
        "'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid)",
        f"format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, {RELATION}, {_KIND}, "
        f"{_COMMANDS}, {_ROLES}, "
        "' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', "
        "' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')",
    )
}
from pg_policy p {_FROM.format("p.polrelid")} where {_WHERE}
"""

_STATISTICS = f"""
{
    row(
        "'statistics'",
        "quote_ident(m.nspname) || '.' || quote_ident(s.stxname)",
        "pg_statistic_ext",
        "s.oid",
        name="quote_ident(s.stxname)",
        tab=RELATION,
        parent=IN_RELATION,
        sql="pg_get_statisticsobjdef(s.oid)",
        facets="'definition', pg_get_statisticsobjdef(s.oid), "
        "'target', case when s.stxstattarget >= 0 then s.stxstattarget::text end, "
        "'comment', obj_description(s.oid, 'pg_statistic_ext')",
    )
}
from pg_statistic_ext s join pg_namespace m on m.oid = s.stxnamespace {_FROM.format("s.stxrelid")} where {_WHERE}
"""

# --- routines

_ROUTINE = """quote_ident(n.nspname) || '.' || quote_ident(f.proname) || '(' || coalesce((select
    string_agg(format_type(y, null), ', ' order by at)
    from unnest(f.proargtypes) with ordinality t(y, at)), '') || ')'"""
_ROUTINE_FROM = "from pg_proc f join pg_namespace n on n.oid = f.pronamespace"
_ROUTINES = f"""
{
    row(
        "case f.prokind when 'p' then 'procedure' else 'function' end",
        _ROUTINE,
        "pg_proc",
        "f.oid",
        name="quote_ident(f.proname)",
        parent=IN_SCHEMA,
        also=grants("f.proacl", "'f'", "f.proowner"),
        facets="'definition', rtrim(pg_get_functiondef(f.oid), chr(10)), 'comment', obj_description(f.oid, 'pg_proc')",
        sql="rtrim(pg_get_functiondef(f.oid), chr(10))",
    )
}
{_ROUTINE_FROM} where {USER_SCHEMA} and {own("pg_proc", "f")} and f.prokind <> 'a'
and not exists (select from pg_depend e where e.classid = 'pg_proc'::regclass and e.objid = f.oid and e.deptype = 'i')
"""

_OTHER = "nullif({}::oid, 0::oid)::regproc::text"
_MODIFIES = "case {} when 'r' then 'READ_ONLY' when 's' then 'SHAREABLE' else 'READ_WRITE' end"
_AGGREGATE = f"""
concat_ws(', ', 'SFUNC = ' || g.aggtransfn::text, 'STYPE = ' || format_type(g.aggtranstype, null),
    'SSPACE = ' || nullif(g.aggtransspace, 0), 'FINALFUNC = ' || {_OTHER.format("g.aggfinalfn")},
    case when g.aggfinalextra then 'FINALFUNC_EXTRA' end,
    'FINALFUNC_MODIFY = ' || case when g.aggfinalfn::oid <> 0 then {_MODIFIES.format("g.aggfinalmodify")} end,
    'COMBINEFUNC = ' || {_OTHER.format("g.aggcombinefn")}, 'SERIALFUNC = ' || {_OTHER.format("g.aggserialfn")},
    'DESERIALFUNC = ' || {_OTHER.format("g.aggdeserialfn")}, 'INITCOND = ' || quote_literal(g.agginitval),
    'MSFUNC = ' || {_OTHER.format("g.aggmtransfn")}, 'MINVFUNC = ' || {_OTHER.format("g.aggminvtransfn")},
    'MSTYPE = ' || case when g.aggmtranstype <> 0 then format_type(g.aggmtranstype, null) end,
    'MFINALFUNC = ' || {_OTHER.format("g.aggmfinalfn")}, case when g.aggmfinalextra then 'MFINALFUNC_EXTRA' end,
    'MINITCOND = ' || quote_literal(g.aggminitval),
    'SORTOP = ' || (select 'OPERATOR(' || quote_ident(m.nspname) || '.' || o.oprname || ')' from pg_operator o
        join pg_namespace m on m.oid = o.oprnamespace where o.oid = g.aggsortop),
    'PARALLEL = ' || case f.proparallel when 's' then 'SAFE' when 'r' then 'RESTRICTED' end,
    case when g.aggkind = 'h' then 'HYPOTHETICAL' end)
"""  # noqa: S608 - made of texts of this package
_AGGREGATES = f"""
{
    row(
        "'aggregate'",
        "quote_ident(n.nspname) || '.' || quote_ident(f.proname) || '(' || {} || ')'".format(
            "case when pg_get_function_identity_arguments(f.oid) = '' then '*' "
            "else pg_get_function_identity_arguments(f.oid) end"
        ),
        "pg_proc",
        "f.oid",
        name="quote_ident(f.proname)",
        parent=IN_SCHEMA,
        also=grants("f.proacl", "'f'", "f.proowner"),
        facets=f"'definition', {_AGGREGATE}, 'comment', obj_description(f.oid, 'pg_proc')",
        sql=f"format('CREATE AGGREGATE %I.%I(%s) (%s)', n.nspname, f.proname, coalesce(nullif("
        f"pg_get_function_identity_arguments(f.oid), ''), '*'), {_AGGREGATE})",
    )
}
{_ROUTINE_FROM} join pg_aggregate g on g.aggfnoid = f.oid where {USER_SCHEMA} and {own("pg_proc", "f")}
"""

# --- of the database as a whole


def _global(kind: str, catalog: str, alias: str, name: str, facets: str, sql: str, also: str = "'{}'") -> str:
    return row(
        f"'{kind}'", f"quote_ident({name})", catalog, f"{alias}.oid", name=f"quote_ident({name})", sql=sql, also=also,
        facets=f"{facets}, 'comment', obj_description({alias}.oid, '{catalog}')",
    )  # fmt: skip


_PUBLISHES = """concat_ws(', ', case when b.pubinsert then 'insert' end, case when b.pubupdate then 'update' end,
    case when b.pubdelete then 'delete' end, case when b.pubtruncate then 'truncate' end)"""
_PUBLISHED = f"""concat_ws(', ', case when b.puballtables then 'ALL TABLES' end,
    (select string_agg('TABLE ' || {RELATION}/*columns*/, ', ' order by {RELATION})
     from pg_publication_rel p {_FROM.format("p.prrelid")} where p.prpubid = b.oid)/*schemas*/)"""  # noqa: S608 - made of texts of this package
_COLUMNS_AND_ROWS = """ || coalesce((select ' (' || string_agg(quote_ident(a.attname), ', ' order by a.attnum) || ')'
    from pg_attribute a where a.attrelid = c.oid and a.attnum = any (p.prattrs)), '')
    || coalesce(' WHERE (' || pg_get_expr(p.prqual, c.oid) || ')', '')"""
_SCHEMAS = """, (select string_agg('TABLES IN SCHEMA ' || quote_ident(n.nspname), ', ' order by n.nspname)
    from pg_publication_namespace p join pg_namespace n on n.oid = p.pnnspid where p.pnpubid = b.oid)"""
_WITH = f"""format('publish = %L, publish_via_partition_root = %s', {_PUBLISHES}, b.pubviaroot::text)/*generated*/"""
_GENERATED = " || case when b.pubgencols = 's' then ', publish_generated_columns = stored' else '' end"
_PUBLICATIONS = f"""
{
    _global(
        "publication",
        "pg_publication",
        "b",
        "b.pubname",
        f"'contents', {_PUBLISHED}, 'options', {_WITH}",
        f"format('CREATE PUBLICATION %I%s WITH (%s)', b.pubname, coalesce(' FOR ' || nullif({_PUBLISHED}, ''), ''), "
        f"{_WITH})",
    )
}
from pg_publication b
"""

_WRAPPER = f"concat(' HANDLER ' || {_OTHER.format('w.fdwhandler')}, ' VALIDATOR ' || {_OTHER.format('w.fdwvalidator')})"
_WRAPPER_OPTIONS, _SERVER_OPTIONS = options("w.fdwoptions"), options("s.srvoptions")
_WRAPPERS = f"""
{
    _global(
        "foreign data wrapper",
        "pg_foreign_data_wrapper",
        "w",
        "w.fdwname",
        f"'functions', nullif(ltrim({_WRAPPER}), '')",
        f"'CREATE FOREIGN DATA WRAPPER ' || quote_ident(w.fdwname) || {_WRAPPER} || coalesce(' OPTIONS (' || "
        f"{_WRAPPER_OPTIONS} || ')', '')",
        grants("w.fdwacl", "'F'", "w.fdwowner") + " || " + option_facets("w.fdwoptions"),
    )
}
from pg_foreign_data_wrapper w where {own("pg_foreign_data_wrapper", "w")}
"""
_SERVERS = f"""
{
    _global(
        "server",
        "pg_foreign_server",
        "s",
        "s.srvname",
        "'type', s.srvtype, 'version', s.srvversion, 'wrapper', quote_ident(w.fdwname)",
        "'CREATE SERVER ' || quote_ident(s.srvname) || coalesce(' TYPE ' || quote_literal(s.srvtype), '') || "
        "coalesce(' VERSION ' || quote_literal(s.srvversion), '') || ' FOREIGN DATA WRAPPER ' || "
        f"quote_ident(w.fdwname) || coalesce(' OPTIONS (' || {_SERVER_OPTIONS} || ')', '')",
        grants("s.srvacl", "'S'", "s.srvowner") + " || " + option_facets("s.srvoptions"),
    )
}
from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw where {own("pg_foreign_server", "s")}
"""

_TAGS = "' WHEN TAG IN (' || (select string_agg(quote_literal(x), ', ') from unnest(v.evttags) x) || ')'"
_EVENT = f"v.evtevent || coalesce({_TAGS}, '') || ' EXECUTE FUNCTION ' || v.evtfoid::regproc::text || '()'"
_EVENT_TRIGGERS = f"""
{
    _global(
        "event trigger",
        "pg_event_trigger",
        "v",
        "v.evtname",
        f"'definition', {_EVENT}, 'enabled', {_FIRES.format('v.evtenabled')}",
        f"'CREATE EVENT TRIGGER ' || quote_ident(v.evtname) || ' ON ' || {_EVENT}",
    )
}
from pg_event_trigger v where {own("pg_event_trigger", "v")}
"""

_METHOD = """case k.castmethod when 'b' then 'WITHOUT FUNCTION' when 'i' then 'WITH INOUT'
    else 'WITH FUNCTION ' || k.castfunc::regprocedure::text end"""
_CONTEXT = "case k.castcontext when 'i' then ' AS IMPLICIT' when 'a' then ' AS ASSIGNMENT' else '' end"
_CAST = "'(' || format_type(k.castsource, null) || ' AS ' || format_type(k.casttarget, null) || ')'"
_CASTS = f"""
{
    row(
        "'cast'",
        _CAST,
        "pg_cast",
        "k.oid",
        name=_CAST,
        sql=f"'CREATE CAST ' || {_CAST} || ' ' || {_METHOD} || {_CONTEXT}",
        facets=f"'definition', {_METHOD} || {_CONTEXT}, 'comment', obj_description(k.oid, 'pg_cast')",
    )
}
from pg_cast k where k.oid >= 16384 and {own("pg_cast", "k")}
and not exists (select from pg_depend e where e.classid = 'pg_cast'::regclass and e.objid = k.oid and e.deptype = 'i')
"""

_LINK = """(select 'OPERATOR(' || quote_ident(m.nspname) || '.' || x.oprname || ')' from pg_operator x
    join pg_namespace m on m.oid = x.oprnamespace where x.oid = o.{})"""
_OPERANDS = """coalesce(format_type(nullif(o.oprleft, 0), null), 'NONE') || ', ' || format_type(o.oprright, null)"""
_OPERATOR = f"""
concat_ws(', ', 'FUNCTION = ' || o.oprcode::oid::regproc::text, 'LEFTARG = ' || format_type(nullif(o.oprleft, 0), null),
    'RIGHTARG = ' || format_type(nullif(o.oprright, 0), null), 'COMMUTATOR = ' || {_LINK.format("oprcom")},
    'NEGATOR = ' || {_LINK.format("oprnegate")}, 'RESTRICT = ' || {_OTHER.format("o.oprrest")},
    'JOIN = ' || {_OTHER.format("o.oprjoin")}, case when o.oprcanhash then 'HASHES' end,
    case when o.oprcanmerge then 'MERGES' end)
"""
_OPERATORS = f"""
{
    row(
        "'operator'",
        f"quote_ident(n.nspname) || '.' || o.oprname || ' (' || {_OPERANDS} || ')'",
        "pg_operator",
        "o.oid",
        name="o.oprname::text",
        parent=IN_SCHEMA,
        sql=f"format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname, {_OPERATOR})",
        facets=f"'definition', {_OPERATOR}, 'comment', obj_description(o.oid, 'pg_operator')",
    )
}
from pg_operator o join pg_namespace n on n.oid = o.oprnamespace
where {USER_SCHEMA} and {own("pg_operator", "o")} and o.oprcode <> 0
"""

_SINCE_15 = ((15, "/*columns*/", _COLUMNS_AND_ROWS), (15, "/*schemas*/", _SCHEMAS))
QUERIES = (
    *(
        Query(text)
        for text in (_ROUTINES, _AGGREGATES, _OPERATORS, _CASTS, _CONSTRAINTS, _INDEXES, _STATISTICS, _RULES, _TRIGGERS)
    ),
    *(Query(text) for text in (_POLICIES, _WRAPPERS, _SERVERS, _EVENT_TRIGGERS)),
    Query(_PUBLICATIONS, (*_SINCE_15, (18, "/*generated*/", _GENERATED))),
)
"""For what stands beside tables and columns."""
