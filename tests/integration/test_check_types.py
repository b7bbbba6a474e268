"""The table of types against real servers: every type is known, and its values are of the classes it says."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any
from uuid import UUID

import asyncpg

from assay.pgtypes.hints import ancestors
from assay.pgtypes.model import PgType
from assay.pgtypes.python import python_type, refusal
from assay.pgtypes.table import ENTRIES, REFUSED, VECTORS

COLUMN_TYPES = """
    select t.typname as name, t.typtype as kind, e.typname as element, s.typname as subtype, t.typname ~ '^_' as list
    from pg_type t
    left join pg_type e on e.oid = t.typelem and t.typelem <> 0
    left join pg_range r on t.oid in (r.rngtypid, r.rngmultitypid)
    left join pg_type s on s.oid = r.rngsubtype
    where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype in ('b', 'd', 'e', 'm', 'r')
        and (t.typname !~ '^_' or e.typtype <> 'c')
    order by 1
"""
"""Every built-in type that a column can have, the rows of catalogs aside."""

ZONE = dt.UTC
POINTS = asyncpg.Point(1, 2), asyncpg.Point(3, 4)

VALUES: dict[str, tuple[str, dict[str, Any]]] = {
    "bool": ("true", {"bool": True}),
    "int2": ("1", {"int": 1}),
    "int4": ("1", {"int": 1}),
    "int8": ("1", {"int": 1}),
    "float4": ("1.5", {"float": 1.5, "int": 1, "decimal.Decimal": Decimal("1.5")}),
    "float8": ("1.5", {"float": 1.5, "int": 1, "decimal.Decimal": Decimal("1.5")}),
    "numeric": ("1.5", {"decimal.Decimal": Decimal("1.5"), "int": 1}),
    "money": ("1.5", {"str": "1.5"}),
    "oid": ("1", {"int": 1}),
    "xid": ("1", {"int": 1}),
    "xid8": ("1", {"int": 1}),
    "cid": ("1", {"int": 1}),
    "pg_lsn": ("0/1", {"int": 1}),
    "text": ("a", {"str": "a"}),
    "varchar": ("a", {"str": "a"}),
    "bpchar": ("a", {"str": "a"}),
    "name": ("a", {"str": "a"}),
    "jsonpath": ("$.a", {"str": "$.a"}),
    "tsvector": ("a b", {"str": "a b"}),
    "tsquery": ("a & b", {"str": "a & b"}),
    "refcursor": ("a", {"str": "a"}),
    "bytea": ("\\x01", {"bytes": b"1", "bytearray": bytearray(b"1"), "memoryview": memoryview(b"1")}),
    "char": ("a", {"bytes": b"a", "bytearray": bytearray(b"a"), "memoryview": memoryview(b"a")}),
    "bit": ("1", {"asyncpg.pgproto.types.BitString": asyncpg.BitString("1"), "bytes": b"1"}),
    "varbit": ("101", {"asyncpg.pgproto.types.BitString": asyncpg.BitString("101"), "bytes": b"1"}),
    "uuid": ("11111111-1111-1111-1111-111111111111", {"uuid.UUID": UUID(int=1), "str": str(UUID(int=1))}),
    "date": ("2020-01-02", {"datetime.date": dt.date(2020, 1, 2)}),
    "time": ("10:00", {"datetime.time": dt.time(10)}),
    "timetz": ("10:00+02", {"datetime.time": dt.time(10, tzinfo=ZONE)}),
    "timestamp": (
        "2020-01-02 10:00",
        {"datetime.datetime": dt.datetime(2020, 1, 2), "datetime.date": dt.date(2020, 1, 2)},
    ),
    "timestamptz": ("2020-01-02 10:00+02", {"datetime.datetime": dt.datetime(2020, 1, 2, tzinfo=ZONE)}),
    "interval": ("1 day", {"datetime.timedelta": dt.timedelta(1)}),
    "inet": (
        "10.0.0.1/8",
        {
            "ipaddress.IPv4Address": ip_address("10.0.0.1"),
            "ipaddress.IPv6Address": ip_interface("::1/64"),
            "ipaddress.IPv4Network": ip_network("10.0.0.0/8"),
            "ipaddress.IPv6Network": ip_network("::/64"),
            "str": "10.0.0.1/8",
        },
    ),
    "cidr": (
        "10.0.0.0/8",
        {
            "ipaddress.IPv4Network": ip_network("10.0.0.0/8"),
            "ipaddress.IPv6Network": ip_network("::/64"),
            "ipaddress.IPv4Address": ip_address("10.0.0.1"),
            "ipaddress.IPv6Address": ip_address("::1"),
            "str": "10.0.0.0/8",
        },
    ),
    "macaddr": ("08:00:2b:01:02:03", {"str": "08:00:2b:01:02:03"}),
    "macaddr8": ("08:00:2b:01:02:03:04:05", {"str": "08:00:2b:01:02:03:04:05"}),
    "point": ("(1,2)", {"asyncpg.pgproto.types.Point": POINTS[0], "tuple": (1.0, 2.0), "list": [1.0, 2.0]}),
    "box": ("(1,2),(3,4)", {"asyncpg.pgproto.types.Box": asyncpg.Box(*POINTS)}),
    "line": ("{1,2,3}", {"asyncpg.pgproto.types.Line": asyncpg.Line(1, 2, 3)}),
    "lseg": ("(1,2),(3,4)", {"asyncpg.pgproto.types.LineSegment": asyncpg.LineSegment(*POINTS)}),
    "path": ("[(1,2),(3,4)]", {"asyncpg.pgproto.types.Path": asyncpg.Path(*POINTS)}),
    "polygon": ("((1,2),(3,4))", {"asyncpg.pgproto.types.Polygon": asyncpg.Polygon(*POINTS)}),
    "circle": ("<(1,2),3>", {"asyncpg.pgproto.types.Circle": asyncpg.Circle(POINTS[0], 3)}),
    "regclass": ("pg_class", {"str": "pg_class"}),
    "regcollation": ('"C"', {"str": '"C"'}),
    "regconfig": ("simple", {"str": "simple"}),
    "regdictionary": ("simple", {"str": "simple"}),
    "regnamespace": ("pg_catalog", {"str": "pg_catalog"}),
    "regoper": ("!!", {"str": "!!"}),
    "regoperator": ("+(int4,int4)", {"str": "+(int4,int4)"}),
    "regproc": ("now", {"str": "now"}),
    "regprocedure": ("abs(int4)", {"str": "abs(int4)"}),
    "regrole": ("postgres", {"str": "postgres"}),
    "regtype": ("int4", {"str": "int4"}),
    "aclitem": ("postgres=r/postgres", {"str": "postgres=r/postgres"}),
    "tid": ("(0,1)", {"tuple": (0, 1), "list": [0, 1]}),
    "pg_snapshot": ("1:1:", {}),
    "txid_snapshot": ("1:1:", {}),
    "unknown": ("a", {}),
    "cstring": ("a", {}),
}
"""Of each type a value as text, and for each class that is taken for a parameter a value of it."""

NOT_MADE_FROM_TEXT = {
    "oid8": "it comes with PostgreSQL 19",
    "xml": "not every server is built with it",
    "regdatabase": "it comes with PostgreSQL 19",
    "pg_dependencies": "only the server makes one",
    "pg_ndistinct": "only the server makes one",
    "pg_node_tree": "only the server makes one",
    "pg_mcv_list": "only the server makes one",
    "record": "it has no form as text",
    "void": "it has no values",
}
UNSENT = {"collections.abc.Buffer"}
"""An abstract class, of which there are no values of its own."""


def as_type(row: asyncpg.Record) -> PgType:
    """The type as descriptions have it."""
    if row["list"] and row["element"] is not None:
        return PgType(f"{row['element']}[]", "array", element=PgType(row["element"]))
    kind = {b"r": "range", b"m": "multirange", b"d": "domain"}.get(row["kind"], "base")
    return PgType(row["name"], kind, element=PgType(row["subtype"]) if row["subtype"] else None)  # type: ignore[arg-type]


async def test_every_type_that_a_column_can_have_is_mapped_or_refused_with_a_reason(driver: asyncpg.Connection) -> None:
    rows = await driver.fetch(COLUMN_TYPES)
    known = {*ENTRIES, *VECTORS, *REFUSED, "json", "jsonb", *(row["name"] for row in rows if row["subtype"])}
    for row in rows:
        kind = as_type(row)
        assert (row["element"] if row["list"] else row["name"]) in known
        assert (refusal(kind) is None) == bool(python_type(kind)), kind


def test_every_entry_is_tried_or_said_why_not() -> None:
    assert set(VALUES) | set(NOT_MADE_FROM_TEXT) == set(ENTRIES)
    for name, (_, values) in VALUES.items():
        accepted = set(ENTRIES[name].accepts) - UNSENT
        assert set(values) <= accepted, name
        assert name in ("bit", "varbit", "unknown", "cstring") or set(values) == accepted, name


async def test_values_arrive_as_the_table_says(driver: asyncpg.Connection) -> None:
    for name, (text, _) in VALUES.items():
        value = await driver.fetchval(f"""select '{text}'::pg_catalog."{name}" """)
        assert set(ancestors(type(value))) & set(ENTRIES[name].returns), name


async def test_values_are_sent_as_the_table_says(driver: asyncpg.Connection) -> None:
    for name, (_, values) in VALUES.items():
        for value in values.values():
            sent = await driver.fetchval(f"""select $1::pg_catalog."{name}" is not null""", value)
            assert sent is True, (name, value)


async def test_both_kinds_of_addresses_are_covered(driver: asyncpg.Connection) -> None:
    for text in ("10.0.0.1", "10.0.0.1/8", "::1", "::1/64"):
        value = await driver.fetchval("select $1::text::inet", text)
        assert set(ancestors(type(value))) & set(ENTRIES["inet"].returns)


PARTS: dict[str, type] = {
    "'{1,2}'::int4[]": list,
    "'1 2'::int2vector": list,
    "'1 2'::oidvector": list,
    "'[1,2]'::int4range": asyncpg.Range,
    "'{[1,2]}'::int4multirange": list,
    "row(1, 'a')": tuple,
    "row(1, 'a')::pg_temp.pair": asyncpg.Record,
    "'{\"a\": 1}'::jsonb": str,
    "'happy'::pg_temp.mood": str,
    "'a@b'::pg_temp.email": str,
}


async def test_types_with_parts_arrive_as_the_rules_say(driver: asyncpg.Connection) -> None:
    await driver.execute(
        "create type pg_temp.pair as (a int, b text); create type pg_temp.mood as enum ('happy');"
        "create domain pg_temp.email as text check (value like '%@%')"
    )
    for expression, kind in PARTS.items():
        assert isinstance(await driver.fetchval(f"select {expression}"), kind), expression
