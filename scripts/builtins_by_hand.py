"""What was read in PostgreSQL's source by eye, where no rule on the text of one function can tell.

Keys are a name, for all functions of that name, or a signature with the type names of pg_proc.dat. Every entry is
fuzzed against the servers like the others (tests/soundness/test_builtins_fuzz.py).
"""

from __future__ import annotations

ALWAYS = frozenset({
    # They look at each argument's own NULL flag; NULL comes from VARIADIC NULL alone (misc.c, varlena.c, json.c,
    # jsonb.c).
    "num_nulls", "num_nonnulls", "concat",
    "json_build_array(any)", "json_build_object(any)", "jsonb_build_array(any)", "jsonb_build_object(any)",
})  # fmt: skip
"""Not strict, and never NULL whatever the arguments, against the rule."""

NEEDS: dict[str, tuple[int, ...]] = {
    # varlena.c: a NULL separator splits into characters, a NULL null-string matches nothing.
    "string_to_array": (0,),
    "array_to_string(anyarray,text,text)": (0, 1),
    "concat_ws": (0,),
    "format": (0,),
    # arrayfuncs.c, array_userfuncs.c: a NULL element is searched for like any other.
    "array_remove": (0,),
    "array_replace": (0,),
    "array_positions": (0,),
    # format_type.c: a NULL modifier is no modifier.
    "format_type": (0,),
    # regexp.c: a NULL escape character is the usual one.
    "similar_escape": (0,),
    # jsonfuncs.c: what a NULL value does is the last argument's business, and that is refused when NULL.
    "jsonb_set_lax": (0, 1, 3),
}
"""Not strict: NULL only if one of these arguments (counted from 0) is."""

EITHER = frozenset({
    # array_userfuncs.c, xml.c: NULL joined to something is that something.
    "array_cat", "xmlconcat2",
    # numeric.c: transition functions of sum().
    "int2_sum", "int4_sum", "int8_sum",
})  # fmt: skip
"""Not strict: NULL only if all arguments are."""

TOTAL = frozenset({
    # rangetypes.c: range_minus_internal() returns no null pointer, it ends in an error that cannot be.
    "range_minus",
    # timestamp.c, date.c: NULL comes from NULL endpoints alone; those with intervals are made of this one and of a sum.
    "overlaps",
    # jsonfuncs.c: they fill a tuplestore; in json_array_elements() a JSON null is a JSON null.
    "json_array_elements", "jsonb_array_elements",
    # genfile.c, misc.c: they fill a tuplestore with names and numbers of folders.
    "pg_ls_dir", "pg_tablespace_databases",
    # SQL-language functions (system_functions.sql) made of functions that are on the list themselves.
    "lpad(text,int4)", "rpad(text,int4)", "bit_length", "log(numeric)", "log10(numeric)", "round(numeric)",
    "trunc(numeric)", "numeric_pl_pg_lsn", "path_contain_pt", "polygon(circle)", "timestamptz(date,time)",
    "timedate_pl", "timetzdate_pl", "interval_pl_time", "interval_pl_date", "interval_pl_timetz",
    "interval_pl_timestamp", "interval_pl_timestamptz", "integer_pl_date", "int8pl_inet",
    "age(timestamptz)", "age(timestamp)", "xpath(text,xml)", "xpath_exists(text,xml)", "pg_sleep_for", "pg_sleep_until",
})  # fmt: skip
"""No NULL for arguments that are not, against the rule or without it."""

TEXT_CAST = frozenset({"quote_literal(anyelement)", "textanycat", "anytextcat"})
"""SQL-language functions that cast their argument to text: no NULL unless a user's own cast function gives one."""

COLUMNS = {
    # jsonfuncs.c: only a JSON null taken as text is NULL.
    "json_each": "*",
    "jsonb_each": "*",
    "json_each_text": "key",
    "jsonb_each_text": "key",
    # tsvector_op.c: an entry may have no positions.
    "unnest(tsvector)": "lexeme",
    # tsvector_op.c, wparser.c: they free each string after use, which no null pointer survives.
    "ts_stat": "*",
    "ts_parse": "*",
    "ts_token_type": "*",
    # system_functions.sql: from the two before, joined by equality, and an array of a subquery.
    "ts_debug": "alias description token dictionaries",
    # foreign.c, partitionfuncs.c, misc.c, multixact.c
    "pg_options_to_table": "option_name",
    "pg_partition_tree": "relid isleaf level",
    "pg_get_keywords": "word barelabel baredesc",
    "pg_get_multixact_members": "*",
    # lockfuncs.c, guc_funcs.c, pgstatfuncs.c
    "pg_lock_status": "locktype virtualtransaction mode granted fastpath",
    "pg_show_all_settings": "name setting category context vartype source pending_restart",
    "pg_stat_get_activity": "query",
    "pg_stat_get_archiver": "archived_count failed_count",
    "pg_prepared_statement": "name statement prepare_time parameter_types from_sql generic_plans custom_plans",
    # extension.c
    "pg_available_extensions": "name",
    "pg_available_extension_versions": "name version superuser trusted relocatable",
    "pg_extension_update_paths": "source target",
    # genfile.c: all by pg_ls_dir_files().
    "pg_ls_logdir": "*",
    "pg_ls_waldir": "*",
    "pg_ls_tmpdir": "*",
    "pg_ls_archive_statusdir": "*",
    "pg_ls_summariesdir": "*",
    "pg_ls_logicalsnapdir": "*",
    "pg_ls_logicalmapdir": "*",
    "pg_ls_replslotdir": "*",
}
"""The OUT columns that are never NULL in a row that the function returns.

Here are the functions that the rule does not see through; * is all columns.
"""

SAFE_VOLATILE = frozenset({
    "random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "array_shuffle", "array_sample",
    "clock_timestamp", "timeofday", "pg_sleep", "pg_sleep_for", "pg_sleep_until", "current_query", "pg_jit_available",
    "pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size", "pg_database_size",
    "pg_tablespace_size", "pg_partition_tree", "pg_partition_ancestors",
})  # fmt: skip
"""Volatile, yet they write nothing, keep nothing in the session and answer on a replica as they do on its primary."""
