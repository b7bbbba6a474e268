"""The lists of built-in functions that never return NULL."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from assay.catalog.model import Function
from assay.proof.builtins import KNOWN, Builtins


def lines(version: int, section: str) -> list[str]:
    """The lines of a section."""
    text = (files("assay.proof.builtins") / f"pg{version}.txt").read_text("utf-8")
    body = re.search(rf"^\[{section}\]\n#.*\n((?:.+\n)*)", text, re.MULTILINE)
    assert body
    return body[1].splitlines()


def listed(version: int, section: str) -> dict[str, int]:
    """The signatures of a section with their OIDs."""
    return {line.split(" ")[1]: int(line.split(" ")[0]) for line in lines(version, section)}


def function(signature: str, oid: int, language: str = "internal", *, returns_set: bool = False) -> Function:
    """As the catalog would show it."""
    name = signature.partition("(")[0]
    return Function(oid, "pg_catalog", name, "f", True, returns_set, "i", language, 25, (25,))


LOWER = function("lower(text)", 870)


@pytest.mark.parametrize("version", KNOWN)
def test_lower_is_total_on_every_version(version: int) -> None:
    assert Builtins.of(version).total(LOWER)
    assert not Builtins.of(version).always(LOWER)


def test_a_function_with_the_oid_but_another_name_is_not_listed() -> None:
    assert not Builtins.of(18).total(replace(LOWER, name="upper"))


def test_a_built_in_that_was_replaced_in_another_language_is_not_listed() -> None:
    assert not Builtins.of(18).total(replace(LOWER, language="plpgsql"))
    assert not Builtins.of(18).total(replace(LOWER, language="sql"))
    assert not Builtins.of(18).total(replace(LOWER, schema="public"))


def test_functions_written_in_sql_are_known_as_such() -> None:
    padded = function("lpad", 879, "sql")
    assert Builtins.of(18).total(padded)
    assert not Builtins.of(18).total(replace(padded, language="internal"))


@pytest.mark.parametrize("version", [14, 16, 17])
def test_versions_without_a_source_list_only_what_15_and_18_agree_on(version: int) -> None:
    for section in ("total", "always", "needs", "columns"):
        both = {*lines(15, section)} & {*lines(18, section)}
        assert {*lines(version, section)} == both
        assert both


def test_a_version_newer_than_all_gets_what_all_agree_on() -> None:
    uuid7 = function("uuidv7()", 6429)
    assert Builtins.of(18).total(uuid7)
    assert not Builtins.of(99).total(uuid7)
    assert Builtins.of(99).total(LOWER)


def test_a_version_older_than_all_gets_nothing() -> None:
    assert not Builtins.of(13).total(LOWER)


def test_the_lists_are_read_once() -> None:
    assert Builtins.of(18) is Builtins.of(18)


def test_functions_that_take_nulls_as_values_are_never_null() -> None:
    for signature in (
        "num_nulls(any)",
        "concat(any)",
        "json_build_object(any)",
        "pg_typeof(any)",
        "quote_nullable(text)",
    ):
        assert Builtins.of(18).always(function(signature, listed(18, "always")[signature])), signature


def test_only_the_arguments_that_count_are_needed() -> None:
    needs = {
        signature: Builtins.of(18).needs(function(signature, oid)) for signature, oid in listed(18, "needs").items()
    }
    assert needs["format(text,any)"] == (0,)
    assert needs["concat_ws(text,any)"] == (0,)
    assert needs["array_to_string(anyarray,text,text)"] == (0, 1)
    assert Builtins.of(18).needs(LOWER) is None


def test_joining_arrays_is_null_only_for_two_nulls() -> None:
    assert Builtins.of(18).either(function("array_cat", 383))
    assert not Builtins.of(18).either(LOWER)


def test_text_joined_to_anything_depends_on_casts_to_text() -> None:
    joined = function("textanycat", 2003, "sql")
    assert Builtins.of(18).total_by_text_cast(joined)
    assert not Builtins.of(18).total(joined)


def test_values_of_json_in_text_may_be_null() -> None:
    assert Builtins.of(18).columns(function("json_each", 3958, returns_set=True)) == (True, True)
    assert Builtins.of(18).columns(function("json_each_text", 3959, returns_set=True)) == (True, False)
    assert Builtins.of(18).columns(LOWER) is None


def test_a_function_of_one_row_has_known_columns_only_for_known_arguments() -> None:
    one_row = function("pg_walfile_name_offset", 2850)
    assert Builtins.of(18).columns(one_row) is None
    assert Builtins.of(18).columns_given_values(one_row) == (True, True)


def test_random_is_safe_on_a_replica_and_nextval_is_not() -> None:
    assert Builtins.of(15).safe_volatile(function("random", 1598))
    assert not Builtins.of(15).safe_volatile(function("nextval", 1574))


def test_years_of_infinity_are_infinite_and_months_are_null() -> None:
    of_timestamp = function("extract", 6202)
    assert Builtins.of(18).extract_total(of_timestamp, "year")
    assert Builtins.of(18).extract_total(of_timestamp, "EPOCH")
    assert not Builtins.of(18).extract_total(of_timestamp, "month")
    assert not Builtins.of(18).extract_total(of_timestamp, "hour")


def test_hours_of_an_infinite_interval_are_infinite() -> None:
    of_interval = function("extract", 6204)
    assert Builtins.of(18).extract_total(of_interval, "hour")
    assert not Builtins.of(18).extract_total(of_interval, "minute")


def test_a_time_of_day_has_no_infinity() -> None:
    assert Builtins.of(18).extract_total(function("extract", 6200), "minute")


NULL_GIVERS = [
    "jsonb_extract_path", "json_extract_path", "jsonb_extract_path_text", "json_extract_path_text",
    "jsonb_object_field", "jsonb_object_field_text", "json_object_field", "json_object_field_text",
    "jsonb_array_element", "jsonb_array_element_text", "json_array_element", "json_array_element_text",
    "jsonb_path_exists", "jsonb_path_exists_opr", "jsonb_path_match", "jsonb_path_match_opr",
    "jsonb_path_query_first", "jsonb_path_exists_tz", "jsonb_path_match_tz", "regexp_match", "regexp_substr",
    "array_length", "array_dims", "array_ndims", "array_upper", "array_lower", "array_position", "string_to_table",
    "unnest(anyarray)", "lower(anyrange)", "upper(anyrange)", "lower(anymultirange)", "upper(anymultirange)",
    "to_number", "obj_description", "col_description", "shobj_description", "current_schema", "inet_client_addr",
    "inet_client_port", "inet_server_addr", "inet_server_port", "box_intersect", "lseg_interpt", "line_interpt",
    "pg_get_serial_sequence", "to_regclass", "to_regtype", "to_regproc", "to_regprocedure", "to_regoper",
    "to_regoperator", "to_regrole", "to_regnamespace", "to_regcollation", "has_table_privilege(oid,text)",
    "has_column_privilege(oid,text,text)", "has_schema_privilege(oid,text)", "has_function_privilege(oid,text)",
    "pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_get_viewdef(oid)",
    "pg_get_constraintdef(oid)", "pg_get_indexdef(oid)", "pg_get_triggerdef(oid)", "pg_get_functiondef",
    "pg_get_expr(pg_node_tree,oid)", "pg_get_ruledef(oid)", "substring(text,text)", "substring(text,text,text)",
    "json_array_elements_text", "jsonb_array_elements_text", "scale", "min_scale", "to_char(timestamp,text)",
    "to_char(timestamptz,text)", "to_char(interval,text)", "time(timestamp)", "time(timestamptz)",
    "timetz(timestamptz)", "area(path)", "path_add", "path_distance", "poly_distance",
    "pg_relation_size(regclass,text)", "pg_database_size(oid)", "current_setting(text,bool)",
    "txid_current_if_assigned", "txid_status", "pg_stat_get_backend_pid", "pg_describe_object",
    "pg_encoding_max_length", "pg_partition_root", "jsonb_populate_record", "jsonb_to_record", "ts_lexize",
    "pg_collation_for", "pg_last_wal_replay_lsn", "date_part(text,timestamp)", "extract(text,date)",
    "pg_relation_filenode", "pg_filenode_relation", "current_query", "json_populate_recordset",
]  # fmt: skip


@pytest.mark.parametrize("name", NULL_GIVERS)
def test_functions_that_give_null_for_some_values_are_not_listed(name: str) -> None:
    for version in KNOWN:
        signatures = {*listed(version, "total"), *listed(version, "always"), *listed(version, "either")}
        signatures |= {*listed(version, "needs")}
        assert not [one for one in signatures if one == name or one.startswith(f"{name}(")]


@pytest.mark.parametrize(
    "signature",
    ["upper(text)", "int4pl(int4,int4)", "int4div(int4,int4)", "split_part(text,text,int4)", "host(inet)",
     "masklen(inet)", "width_bucket(numeric,numeric,numeric,int4)", "isfinite(timestamp)",
     "jsonb_exists_any(jsonb,_text)", "range_minus(anyrange,anyrange)", "array_eq(anyarray,anyarray)",
     "record_eq(record,record)", "to_char(int4,text)",
     "generate_series(int4,int4)", "regexp_matches(text,text)", "make_date(int4,int4,int4)", "current_setting(text)",
     "date_trunc(text,timestamptz)", "to_json(anyelement)", "jsonb_set(jsonb,_text,jsonb,bool)", "textcat(text,text)",
     "nextval(regclass)", "like(text,text)", "to_tsvector(text)", "ts_match_vq(tsvector,tsquery)",
     "encode(bytea,text)"],
)  # fmt: skip
def test_functions_that_never_give_null_are_listed(signature: str) -> None:
    assert signature in listed(15, "total")
    assert signature in listed(18, "total")
