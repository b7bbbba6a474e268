"""Arguments that certain built-in functions need before they do anything but refuse: names, units, formats, shapes."""

from __future__ import annotations

UNITS = ["year", "epoch", "julian", "month", "day", "hour", "minute", "second", "week", "dow", "doy", "century", "isoyear",
    "millisecond", "microsecond", "quarter", "decade", "millennium", "isodow", "timezone", "DAY"]  # fmt: skip
FLAGS = ["", "g", "i", "n", "x", "c", "gi"]
ENCODINGS = ["UTF8", "LATIN1", "SQL_ASCII", "LATIN9", "WIN1252", "EUC_JP", "SJIS"]
FORMATS = ["hex", "base64", "escape", "HEX"]
ZONES = ["UTC", "Europe/Berlin", "+02", "EST", "America/New_York", "-15:59"]
BOUNDS = ["[)", "[]", "(]", "()"]
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
DIGITS = ["FM999.99", "999", "RN", "SG9", "9.9EEEE", "", "MI9", "PR", "L9,999", "th9", "0"]
PARSERS = ["default", "=3722"]
TABLES = ["pg_class", "values_int4", "public.sampled", "pg_catalog.pg_proc"]
SMALL = ["0", "1", "-1", "2", "3", "17", "100", "1000", "2147483647"]
OBJECTS: dict[str, tuple[list[str], list[str]]] = {
    "table": (TABLES, ["SELECT", "INSERT, UPDATE", "SELECT WITH GRANT OPTION"]),
    "any_column": (TABLES, ["SELECT", "UPDATE"]),
    "sequence": (["a_sequence"], ["USAGE", "SELECT"]),
    "database": (["postgres", "template1"], ["CONNECT", "CREATE"]),
    "function": (["lower(text)", "now()"], ["EXECUTE"]),
    "language": (["sql", "plpgsql"], ["USAGE"]),
    "schema": (["public", "pg_catalog"], ["USAGE", "CREATE"]),
    "tablespace": (["pg_default"], ["CREATE"]),
    "type": (["int4", "text", "mood"], ["USAGE"]),
    "foreign_data_wrapper": (["a_wrapper"], ["USAGE"]),
    "server": (["a_server"], ["USAGE"]),
    "parameter": (["work_mem", "a.b"], ["SET", "ALTER SYSTEM"]),
}
"""For has_..._privilege: names of objects, and privileges."""

HINTS: dict[str, dict[int, list[str]]] = {
    "date_trunc": {0: UNITS, 2: ZONES},
    "date_part": {0: UNITS},
    "extract": {0: UNITS},
    "timezone": {-2: ZONES},
    "date_add": {2: ZONES},
    "date_subtract": {2: ZONES},
    "generate_series": {2: ["1", "2", "1 day", "-1", "1 mon", "0"], 3: ZONES},
    "make_date": {0: ["2024", "-1", "1"], 1: ["1", "12"], 2: ["1", "28"]},
    "make_timestamp": {0: ["2024", "-1"], 1: ["1", "12"], 2: ["1", "28"], 3: ["0", "23"], 4: ["0", "59"], 5: ["0", "59.9"]},
    "make_timestamptz": {
        0: ["2024", "-1"], 1: ["1", "12"], 2: ["1", "28"], 3: ["0", "23"], 4: ["0", "59"], 5: ["0", "59.9"], 6: ZONES,
    },
    "make_time": {0: ["0", "23"], 1: ["0", "59"], 2: ["0", "59.9"]},
    "make_interval": {place: ["0", "1", "-5", "1000"] for place in range(6)},
    "convert": {1: ENCODINGS, 2: ENCODINGS},
    "convert_from": {1: ENCODINGS},
    "convert_to": {1: ENCODINGS},
    "length": {1: ENCODINGS},
    "to_ascii": {0: ["abc", "\u00e9"], 1: ["LATIN1", "LATIN2", "8", "9"]},
    "encode": {1: FORMATS},
    "decode": {0: ["", "00ff", "YWJj", "abc"], 1: FORMATS},
    "normalize": {1: FORMS},
    "is_normalized": {1: FORMS},
    "to_char": {1: [*DIGITS, "YYYY-MM-DD HH24:MI:SS", "FMMonth TZ", "J Q WW"]},
    "to_date": {0: ["2024-02-29", "20240101", "1"], 1: ["YYYY-MM-DD", "YYYYMMDD", "J", ""]},
    "to_timestamp": {0: ["2024-02-29", "20240101", "1"], 1: ["YYYY-MM-DD", "YYYYMMDD", "J", ""]},
    "regexp_replace": {3: [*FLAGS, "1", "2"], 4: ["0", "1", "2"], 5: FLAGS},
    "regexp_matches": {2: FLAGS},
    "regexp_split_to_table": {2: FLAGS[:1]},
    "regexp_split_to_array": {2: FLAGS[:1]},
    "regexp_like": {2: ["", "i", "n", "c"]},
    "regexp_count": {2: ["1", "2"], 3: ["", "i"]},
    "regexp_instr": {2: ["1", "2"], 3: ["1", "2"], 4: ["0", "1"], 5: ["", "i"], 6: ["0", "1"]},
    "current_setting": {0: ["work_mem", "search_path", "server_version"]},
    "regclass": {0: TABLES},
    "currtid2": {0: TABLES},
    "nextval": {0: ["a_sequence"]},
    "currval": {0: ["a_sequence"]},
    "pg_sequence_parameters": {0: ["='a_sequence'::regclass::oid"]},
    "pg_get_sequence_data": {0: ["a_sequence"]},
    "pg_ls_dir": {0: [".", "base", "global"], 1: ["f"]},
    "pg_ls_tmpdir": {0: ["1663"]},
    "pg_tablespace_databases": {0: ["1663", "0"]},
    "table_to_xml": {0: ["sampled", "values_bool"], 3: ["", "a"]},
    "table_to_xmlschema": {0: ["sampled", "values_bool"], 3: ["", "a"]},
    "table_to_xml_and_xmlschema": {0: ["sampled", "values_bool"], 3: ["", "a"]},
    "xpath": {0: ["/a", "//b/text()", "count(/a)", "true()", "'a'", "/a/@b"], 1: ["<a/>", "<a b='c'><b>d</b></a>"], 2: ["{}"]},
    "xpath_exists": {0: ["/a", "//b"], 1: ["<a/>", "<a b='c'><b>d</b></a>"], 2: ["{}"]},
    "xmlexists": {0: ["/a", "//b"], 1: ["<a/>", "<a b='c'><b>d</b></a>"]},
    "xml": {0: ["", "a", "<a/>", "<a>b</a>"]},
    "pg_extension_update_paths": {0: ["plpgsql"]},
    "ts_rank": {-3: ["{0.1,0.2,0.4,1}"], -4: ["{0.1,0.2,0.4,1}"]},
    "ts_rank_cd": {-3: ["{0.1,0.2,0.4,1}"], -4: ["{0.1,0.2,0.4,1}"]},
    "ts_token_type": {0: PARSERS},
    "ts_parse": {0: PARSERS},
    "ts_debug": {0: ["english", "simple"]},
    "ts_headline": {-1: ["a", "a & b", "MaxWords=10, MinWords=5", "StartSel=<, StopSel=>"]},
    "setweight": {1: ["A", "D"], 2: ["{a}", "{a,b}", "{}"]},
    "ts_filter": {1: ["{a}", "{a,b}", "{}"]},
    "jsonb_to_tsvector": {-1: ['"all"', '["string","numeric"]', "[]"]},
    "json_to_tsvector": {-1: ['"all"', '["string","numeric"]', "[]"]},
    "int4range": {2: BOUNDS},
    "int8range": {2: BOUNDS},
    "numrange": {2: BOUNDS},
    "daterange": {2: BOUNDS},
    "tsrange": {2: BOUNDS},
    "tstzrange": {2: BOUNDS},
    "pg_get_object_address": {0: ["table", "schema", "role"], 1: ["{pg_class}", "{public}", "{postgres}"], 2: ["{}"]},
    "pg_input_error_info": {1: ["int4", "text", "numeric(3,1)", "date"]},
    "pg_input_is_valid": {1: ["int4", "text", "numeric(3,1)", "date"]},
    "pg_split_walfile_name": {0: ["000000010000000100000023", "000000010000000000000001"]},
    "pg_get_serial_sequence": {0: TABLES, 1: ["relname", "a"]},
    "pg_stat_have_stats": {0: ["database", "relation"]},
    "pg_stat_get_progress_info": {0: ["VACUUM", "ANALYZE", "COPY"]},
    "pg_has_role": {0: ["=10", "postgres"], 1: ["postgres", "=10", "MEMBER"], -1: ["MEMBER", "USAGE"]},
    "satisfies_hash_partition": {0: ["='hashed'::regclass::oid"], 1: ["2"], 2: ["0", "1"]},
    "btvarstrequalimage": {0: ["100", "950"]},
    "amvalidate": {0: ["=(select min(oid::int8) from pg_opclass)::oid"]},
    "float8_combine": {0: ["{1,2,3}", "{0,0,0}"], 1: ["{1,2,3}", "{0,0,0}"]},
    "float8_regr_combine": {0: ["{1,2,3,4,5,6}"], 1: ["{0,0,0,0,0,0}", "{1,2,3,4,5,6}"]},
    "float8_regr_accum": {0: ["{1,2,3,4,5,6}", "{0,0,0,0,0,0}"]},
    "float8_accum": {0: ["{1,2,3}", "{0,0,0}"]},
    "float4_accum": {0: ["{1,2,3}", "{0,0,0}"]},
    "int2_avg_accum": {0: ["{1,2}", "{0,0}"]},
    "int4_avg_accum": {0: ["{1,2}", "{0,0}"]},
    "int4_avg_combine": {0: ["{1,2}", "{0,0}"], 1: ["{1,2}", "{0,0}"]},
    "repeat": {1: SMALL[:-1]},
    "polygon": {-2: ["1", "2", "3", "12", "1000"]},
    "lpad": {1: SMALL},
    "rpad": {1: SMALL},
    "array_fill": {1: ["{}", "{0}", "{1}", "{2,3}", "{1,1,1,1,1,1,1}"], 2: ["{}", "{1}", "{-5}", "{2,3}"]},
    "bpchar": {1: SMALL},
    "bit": {1: SMALL},
    "factorial": {0: ["0", "1", "5", "30", "-1"]},
    "power": {1: ["0", "1", "-1", "0.5", "10", "NaN", "Infinity"]},
    "numeric_power": {1: ["0", "1", "-1", "0.5", "10", "NaN", "Infinity"]},
    "random_normal": {0: ["0"], 1: ["1"]},
    "format": {0: ["", "a", "%%", "%s", "%1$s", "%L"]},
    "get_bit": {1: ["0", "1", "7"]},
    "set_bit": {1: ["0", "1", "7"], 2: ["0", "1"]},
    "get_byte": {1: ["0", "1"]},
    "set_byte": {1: ["0", "1"], 2: ["0", "255"]},
    "split_part": {2: ["1", "2", "-1", "100"]},
    "chr": {0: ["1", "65", "8364", "128512"]},
    "to_regtypemod": {0: ["int4", "numeric(3,1)", "no such type"]},
    "pg_tablespace_size": {0: ["1663", "1664", "99999"]},
    "ts_lexize": {1: ["a", "the", "dog"]},
}  # fmt: skip
"""By function: argument (from the right where negative) to values."""


SIX = ["{0,0,0,0,0,0}", "{1,2,3,4,5,6}", "{2,2,2,2,2,2}"]
HINTS |= {f"float8_regr_{name}": {0: SIX} for name in ("sxx", "syy", "sxy", "avgx", "avgy", "r2", "slope", "intercept")}
HINTS |= {name: {0: SIX} for name in ("float8_corr", "float8_covar_pop", "float8_covar_samp")}


def hint(name: str, kinds: tuple[str, ...], place: int) -> list[str]:
    """The values that an argument of a function should be chosen from; empty for any of its type."""
    if name.startswith("has_") and name.endswith("_privilege"):
        return _privilege_hint(name[4:-10], kinds, place)
    hints = HINTS.get(name, {})
    return hints.get(place, hints.get(place - len(kinds), []))


def _privilege_hint(of: str, kinds: tuple[str, ...], place: int) -> list[str]:
    """For has_..._privilege([user,] object, [column,] privilege); objects by OID are of any kind."""
    names, privileges = OBJECTS.get("table" if of == "column" else of, ([], []))
    column = of == "column"
    from_right = len(kinds) - 1 - place
    if from_right == 0:
        return privileges
    if column and from_right == 1:
        return ["relname", "oid"] if kinds[place] == "text" else ["1", "0", "-1", "999"]
    if from_right == 1 + column:
        return names if kinds[place] == "text" else []
    return ["postgres"] if kinds[place] == "name" else ["10"]
