"""Values of every kind of type go to the server and come back as they were, by annotations that the check accepts.

More values are tried with ``HYPOTHESIS_PROFILE=soak``.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, TypedDict, Union, get_args, get_origin, is_typeddict
from uuid import UUID

import asyncpg
import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures.surfaces import AsyncSurface, SyncSurface
from tests.integration.test_check_types import NOT_MADE_FROM_TEXT, VALUES

import assay
from assay.config import DatabaseUrl
from assay.pgtypes.hints import show
from assay.pgtypes.model import PgType
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.results import result_misfit
from assay.pgtypes.table import ENTRIES
from assay.proof import describe

MORE = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
TRIES = settings(
    max_examples=1000 if MORE else 15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

SCHEMA = """
create type pg_temp.mood as enum ('sad', 'ok', '', 'it''s "fine"');
create type pg_temp.pair as (a int, b text);
create type pg_temp.nest as (p pg_temp.pair, xs int[], m pg_temp.mood);
create type pg_temp.floats as range (subtype = float8);
create type pg_temp.spans as range (subtype = pg_temp.mood);
create domain pg_temp.feeling as pg_temp.mood;
create domain pg_temp.email as text check (value like '%@%');
create domain pg_temp.moods as pg_temp.mood[];
create domain pg_temp.pairs as pg_temp.pair[];
create domain pg_temp.document as jsonb;
create domain pg_temp.deep as pg_temp.email;
"""


class Mood(StrEnum):
    SAD = "sad"
    OK = "ok"
    EMPTY = ""
    FINE = 'it\'s "fine"'


class PlainMood(Enum):
    SAD = "sad"
    OK = "ok"
    EMPTY = ""
    FINE = 'it\'s "fine"'


MoodName = Literal["sad", "ok", "", 'it\'s "fine"']


# JSON


class Part(msgspec.Struct):
    name: str
    sizes: list[int] = []


@dataclass
class Whole:
    parts: list[Part]
    by_name: dict[str, Part | None] = field(default_factory=dict)
    key: UUID | None = None
    at: dt.datetime | None = None


class Loose(TypedDict):
    name: str
    size: NotRequired[int]


class Measured(msgspec.Struct):
    name: str
    sizes: list[Any]


class Model(pydantic.BaseModel):
    size: float


class Checked(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(populate_by_name=True)
    size: int = pydantic.Field(alias="theSize", ge=0)
    day: dt.date | None = None


# values

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ZONED = st.timezones().filter(lambda zone: "localtime" not in str(zone))
MOMENTS = st.datetimes(dt.datetime(1, 1, 2), dt.datetime(9999, 12, 30), timezones=st.just(dt.UTC))
"""Without the first and the last moment, which stand for infinity and lose their zone."""
NUMERIC = st.decimals(allow_nan=False, allow_infinity=True).filter(
    lambda d: not d.is_finite() or (abs(d.adjusted()) < 1000 and -int(d.as_tuple().exponent) < 1000)
)
FLOAT = st.floats(allow_nan=False)
FLOAT4 = st.floats(width=32, allow_nan=False)
INTERVAL = st.timedeltas(dt.timedelta(days=-100_000), dt.timedelta(days=100_000))
COORDINATE = st.floats(allow_nan=False, allow_infinity=False, width=32)
POINT = st.builds(asyncpg.Point, COORDINATE, COORDINATE)
BITS = st.text("01").map(asyncpg.BitString)


def between(lowest: int, highest: int) -> st.SearchStrategy[int]:
    return st.integers(lowest, highest)


INT2, INT4, INT8 = (between(-(2 ** (8 * n - 1)), 2 ** (8 * n - 1) - 1) for n in (2, 4, 8))


def hardware_address(octets: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=octets, max_size=octets).map(lambda data: data.hex(":"))


def ranges(bounds: st.SearchStrategy[Any]) -> st.SearchStrategy[asyncpg.Range[Any]]:
    """Ranges in the form that the server gives them: empty, without ends, or half-open."""

    def ordered(ends: tuple[Any, Any]) -> asyncpg.Range[Any]:
        low, high = ends
        if low is not None and high is not None and low >= high:
            return asyncpg.Range(empty=True) if low == high else asyncpg.Range(high, low)
        return asyncpg.Range(low, high, lower_inc=low is not None)

    ends = st.none() | bounds
    return st.just(asyncpg.Range(empty=True)) | st.tuples(ends, ends).map(ordered)


def rectangular(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Arrays of two dimensions: as many elements in each row, and at least one."""
    return st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(elements, min_size=width, max_size=width), min_size=1, max_size=3)
    )


def disjoint(numbers: list[int]) -> list[asyncpg.Range[int]]:
    """Ranges that do not touch, as a multirange has them."""
    ends = sorted(set(numbers))
    return [asyncpg.Range(low, high) for low, high in zip(ends[::2], ends[1::2], strict=False)]


JSON = st.recursive(
    st.none() | st.booleans() | between(-(2**53), 2**53) | st.floats(-1e6, 1e6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PARTS = st.builds(Part, TEXT, st.lists(INT8, max_size=3))
WHOLES = st.builds(
    Whole,
    st.lists(PARTS, max_size=2),
    st.dictionaries(TEXT, st.none() | PARTS, max_size=2),
    st.none() | st.uuids(),
    st.none() | MOMENTS,
)


@dataclass(frozen=True)
class Trip:
    """A type, an annotation, values, and how they come back where that is not as they were."""

    type: str
    annotation: Any
    values: st.SearchStrategy[Any]
    back: Callable[[Any], Any] = lambda value: value
    argument: Any = None
    """The annotation for what is sent, where it is another."""


def same(values: list[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


TRIPS = [
    Trip("bool", bool, st.booleans()),
    Trip("int2", int, INT2),
    Trip("int4", int, INT4),
    Trip("int8", int, INT8),
    Trip("oid", int, between(0, 2**32 - 1)),
    Trip("xid", int, between(0, 2**32 - 1)),
    Trip("cid", int, between(0, 2**32 - 1)),
    Trip("xid8", int, between(0, 2**63 - 1)),
    Trip("pg_lsn", int, between(0, 2**63 - 1)),
    Trip("float8", float, FLOAT),
    Trip("float4", float, FLOAT4),
    Trip("numeric", Decimal, NUMERIC),
    Trip("numeric", Decimal, same([Decimal("Infinity"), Decimal("-Infinity"), Decimal("0.00"), Decimal("-0.1")])),
    Trip("numeric(10, 2)", Decimal, st.decimals(-1000, 1000, places=2)),
    Trip("text", str, TEXT),
    Trip("varchar(3)", str, TEXT, lambda value: value[:3]),
    Trip("char(3)", str, same(["", "a", "abc"]), lambda value: value.ljust(3)),
    Trip("name", str, TEXT.filter(lambda value: len(value.encode()) < 64)),
    Trip("bytea", bytes, st.binary()),
    Trip("bytea", bytes, st.binary().map(memoryview), bytes),
    Trip('"char"', bytes, st.binary(min_size=1, max_size=1)),
    Trip("varbit", asyncpg.BitString, BITS),
    Trip("bit(3)", asyncpg.BitString, st.text("01", min_size=3, max_size=3).map(asyncpg.BitString)),
    Trip("uuid", UUID, st.uuids()),
    Trip("date", dt.date, st.dates()),
    Trip("time", dt.time, st.times()),
    Trip("timetz", dt.time, st.times(timezones=st.just(dt.timezone(dt.timedelta(hours=5, minutes=30))))),
    Trip("timestamp", dt.datetime, st.datetimes()),
    Trip("timestamptz", dt.datetime, MOMENTS),
    Trip(
        "timestamptz",
        dt.datetime,
        st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 1, 1), timezones=ZONED),
        lambda value: value.astimezone(dt.UTC),
    ),
    Trip("interval", dt.timedelta, INTERVAL),
    Trip("inet", IPv4Address | IPv6Address, st.ip_addresses()),
    Trip("inet", IPv4Address | IPv6Address, same([IPv4Interface("10.1.2.3/8"), IPv6Interface("::1/64")])),
    Trip("cidr", IPv4Network | IPv6Network, same([IPv4Network("0.0.0.0/0"), IPv4Network("10.0.0.0/8"), IPv6Network("::/64")])),
    Trip("macaddr", str, hardware_address(6)),
    Trip("macaddr8", str, hardware_address(8)),
    Trip("point", asyncpg.Point, POINT),
    Trip("point", asyncpg.Point, st.tuples(COORDINATE, COORDINATE), lambda value: asyncpg.Point(*value)),
    Trip("line", asyncpg.Line, st.builds(asyncpg.Line, between(1, 9), COORDINATE, COORDINATE)),
    Trip("lseg", asyncpg.LineSegment, st.builds(asyncpg.LineSegment, POINT, POINT)),
    Trip("box", asyncpg.Box, same([asyncpg.Box((3, 4), (1, 2)), asyncpg.Box((0, 0), (0, 0))])),
    Trip("path", asyncpg.Path, st.lists(POINT, min_size=1, max_size=3).map(lambda points: asyncpg.Path(*points))),
    Trip("path", asyncpg.Path, POINT.map(lambda point: asyncpg.Path(point, is_closed=True))),
    Trip("polygon", asyncpg.Polygon, st.lists(POINT, min_size=1, max_size=3).map(lambda p: asyncpg.Polygon(*p))),
    Trip("circle", asyncpg.Circle, st.builds(asyncpg.Circle, POINT, between(0, 9))),
    Trip("tid", tuple[int, int], st.tuples(between(0, 2**32 - 1), between(0, 2**16 - 1))),
    Trip("tsvector", str, same(["", "'a' 'b'", "'a':1A,2 'it''s':3"])),
    Trip("tsquery", str, same(["", "'a'", "'a' & !'b'"])),
    Trip("jsonpath", str, same(["$", '$."a"[*]'])),
    Trip("money", str, same(["$0.00", "-$1.50", "$92,233,720,368,547,758.07"])),
    Trip("regclass", str, same(["pg_class", "pg_type"])),
    Trip("regtype", str, same(["integer", "mood", "pair[]"])),
    Trip("xml", str, same(["", "<a/>", "<a>b</a>"])),
    # enums, domains, composites
    Trip("mood", str, same([*Mood]), str),
    Trip("mood", Mood, same([*Mood])),
    Trip("mood", MoodName, same([str(mood) for mood in Mood])),
    Trip("mood", PlainMood, same([*PlainMood])),
    Trip("mood[]", list[PlainMood | None], st.lists(st.none() | same([*PlainMood]))),
    Trip("mood[]", list[list[PlainMood]], rectangular(same([*PlainMood]))),
    Trip("mood[]", list[PlainMood], st.frozensets(same([*PlainMood]), max_size=1), list, frozenset[PlainMood]),
    Trip("moods", list[PlainMood], st.lists(same([*PlainMood]))),
    Trip("feeling", PlainMood, same([*PlainMood])),
    Trip("mood[]", list[Mood | None], st.lists(st.none() | same([*Mood]))),
    Trip("mood[]", list[list[Mood]], rectangular(same([*Mood]))),
    Trip("moods", list[Mood], st.lists(same([*Mood]))),
    Trip("moods", list[MoodName], st.lists(same([str(mood) for mood in Mood]))),
    Trip("email", str, TEXT.map(lambda text: f"{text}@")),
    Trip("deep", str, TEXT.map(lambda text: f"@{text}")),
    Trip("deep[]", list[str], st.lists(TEXT.map(lambda text: f"@{text}"))),
    Trip("pair", asyncpg.Record, st.tuples(st.none() | INT4, st.none() | TEXT)),
    Trip("pair", asyncpg.Record, st.fixed_dictionaries({"a": INT4, "b": TEXT}), lambda value: (value["a"], value["b"])),
    Trip("pair[]", list[asyncpg.Record | None], st.lists(st.none() | st.tuples(INT4, TEXT))),
    Trip("pairs", list[asyncpg.Record], st.lists(st.tuples(INT4, TEXT))),
    Trip("nest", asyncpg.Record, st.tuples(st.tuples(INT4, TEXT), st.lists(INT4), same([*Mood]))),
    Trip(
        "nest",
        asyncpg.Record,
        st.tuples(st.none(), st.none() | st.lists(st.none() | INT4), st.none() | same([*PlainMood])),
        lambda value: (*value[:2], value[2] and value[2].value),
        tuple[None, list[int | None] | None, PlainMood | None],
    ),
    # arrays
    Trip("int4[]", list[int], st.lists(INT4)),
    Trip("int4[]", list[int | None], st.lists(st.none() | INT4)),
    Trip("int4[]", list[list[int | None]], rectangular(st.none() | INT4)),
    Trip("int4[]", list[int], st.lists(INT4).map(tuple), list),
    Trip("int4[]", list[Any], st.lists(rectangular(INT4), min_size=1, max_size=1)),
    Trip("text[]", list[str], st.lists(TEXT)),
    Trip("bytea[]", list[bytes], st.lists(st.binary())),
    Trip("numeric[]", list[Decimal], st.lists(NUMERIC)),
    Trip("uuid[]", list[UUID], st.lists(st.uuids())),
    Trip("timestamp[]", list[dt.datetime], st.lists(st.datetimes())),
    Trip("point[]", list[asyncpg.Point], st.lists(POINT)),
    Trip("inet[]", list[IPv4Address | IPv6Address], st.lists(st.ip_addresses())),
    Trip("macaddr[]", list[str], st.lists(hardware_address(6))),
    # ranges
    Trip("int4range", asyncpg.Range[int], ranges(between(-100, 100))),
    Trip("int8range", asyncpg.Range[int], ranges(between(-(2**40), 2**40))),
    Trip("numrange", asyncpg.Range[Decimal], ranges(st.decimals(-9, 9, places=2))),
    Trip("daterange", asyncpg.Range[dt.date], ranges(st.dates(dt.date(2, 1, 1), dt.date(9998, 1, 1)))),
    Trip("tsrange", asyncpg.Range[dt.datetime], ranges(st.datetimes())),
    Trip("tstzrange", asyncpg.Range[dt.datetime], ranges(MOMENTS)),
    Trip("floats", asyncpg.Range[float], ranges(COORDINATE)),
    Trip("spans", asyncpg.Range[str], same([asyncpg.Range("sad", "ok"), asyncpg.Range(None, ""), asyncpg.Range(empty=True)])),
    Trip("spans", asyncpg.Range[str], same([asyncpg.Range(PlainMood.SAD, PlainMood.OK), asyncpg.Range(PlainMood.OK)]),
         lambda span: asyncpg.Range(span.lower.value, span.upper and span.upper.value), asyncpg.Range[PlainMood]),
    Trip("int4range[]", list[asyncpg.Range[int] | None], st.lists(st.none() | ranges(between(-9, 9)))),
    Trip("int4multirange", list[asyncpg.Range[int]], st.lists(between(-99, 99)).map(disjoint)),
    Trip("int4multirange", list[asyncpg.Range[int]], same([[], [asyncpg.Range(None, None)], [asyncpg.Range(None, 5)]])),
    Trip(
        "int4multirange[]",
        list[list[asyncpg.Range[int]]],
        st.lists(st.lists(between(-9, 9)).map(disjoint).map(tuple)),
        lambda value: [[*ranges] for ranges in value],
        list[tuple[asyncpg.Range[int], ...]],
    ),
    # JSON
    Trip("jsonb", Any, JSON.filter(lambda value: not isinstance(value, str) and value is not None)),
    Trip("json", dict[str, Any], st.dictionaries(TEXT, JSON, max_size=3)),
    Trip("jsonb", list[Any], st.lists(JSON, max_size=3)),
    Trip("jsonb", str, same(['"a"', "1", "{}", "[]", "null", '""'])),
    Trip("jsonb", Whole, WHOLES),
    Trip("jsonb", Part, PARTS),
    Trip("jsonb", list[Part], st.lists(PARTS)),
    Trip("jsonb", dict[str, Part], st.dictionaries(TEXT, PARTS, max_size=3)),
    Trip("jsonb", Loose, same([Loose(name=""), Loose(name="a", size=1)])),
    Trip("jsonb", Checked, st.builds(Checked, theSize=between(0, 9), day=st.none() | st.dates())),
    Trip("jsonb", list[Checked], st.lists(st.builds(Checked, theSize=between(0, 9)), max_size=2)),
    Trip("jsonb", tuple[int, str], st.tuples(INT4, TEXT)),
    Trip("document", Whole, WHOLES),
    Trip("jsonb[]", list[Part | None], st.lists(st.none() | PARTS, max_size=3)),
    Trip("jsonb[]", list[list[int]], st.lists(st.lists(INT4, max_size=3), max_size=3)),
    Trip("json[]", list[dict[str, int]], st.lists(st.dictionaries(TEXT, INT4, max_size=2), max_size=2)),
]  # fmt: skip


@pytest.fixture
async def connection(surface: Any, server: DatabaseUrl) -> AsyncIterator[assay.Connection]:
    """What a user has, on each server and each surface, with types of its own."""
    async with await surface.connect(server) as connection:
        await connection.execute(SCHEMA)
        yield connection


@pytest.fixture
async def prober(server: DatabaseUrl) -> AsyncIterator[asyncpg.Connection]:
    """What the check looks at statements with, on each server, with the same types."""
    async with await assay.connect(server) as connection:
        await connection.execute(SCHEMA)
        yield connection.driver


def plain(value: Any) -> Any:
    """Without the class of records, which the driver has a tuple for."""
    if isinstance(value, asyncpg.Record):
        return tuple(plain(part) for part in value)
    return [plain(part) for part in value] if type(value) is list else value


def holds(annotation: Any, value: Any) -> bool:
    """Whether a value is of an annotation, as a type checker understands it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return True
    if origin in (Union, UnionType):
        return any(holds(member, value) for member in arguments)
    if origin is Literal:
        return type(value) is str and value in arguments
    if origin is list:
        return type(value) is list and all(holds(arguments[0], part) for part in value)
    if origin is asyncpg.Range:
        ends = (value.lower, value.upper) if type(value) is asyncpg.Range else (object(),)
        return all(end is None or holds(arguments[0], end) for end in ends)
    if is_typeddict(annotation):
        return type(value) is dict and value.keys() <= annotation.__annotations__.keys()
    return value is None if annotation is NoneType else isinstance(value, origin or annotation)


@TRIES
@given(data=st.data())
@pytest.mark.parametrize("trip", TRIPS, ids=lambda trip: f"{trip.type} {show(trip.annotation)}")
async def test_what_is_sent_comes_back(connection: assay.Connection, trip: Trip, data: st.DataObject) -> None:
    """Alone, and beside a column that comes as text, for which the sync surface fetches the whole row as text."""
    sent = data.draw(trip.values)
    row: Any = tuple[trip.annotation, str | None]
    for beside in ("null::text", "null::tsquery"):
        try:
            found = await connection.fetch_one(row, f"select $1::{trip.type}, {beside}", sent)
        except assay.DatabaseError as error:
            if error.sqlstate == "0A000":
                pytest.skip(f"this server has no {trip.type}")
            raise
        assert plain(found[0]) == plain(trip.back(sent))
        assert holds(trip.annotation, found[0])


@pytest.mark.parametrize("trip", TRIPS, ids=lambda trip: f"{trip.type} {show(trip.annotation)}")
async def test_what_comes_back_is_accepted_by_the_check(prober: asyncpg.Connection, trip: Trip) -> None:
    description = await describe(prober, f"select $1::{trip.type}")
    assert result_misfit(description.columns[0].type, trip.annotation) is None
    assert argument_misfit(description.params[0].type, trip.argument or trip.annotation) is None


def test_every_type_travels_or_is_said_why_not() -> None:
    travelling = {re.sub(r"\(.*", "", trip.type).strip('"').replace("char(3)", "bpchar") for trip in TRIPS}
    assert {*ENTRIES} - travelling - {*NOT_MADE_FROM_TEXT} - ON_ONE_WAY == set()


ON_ONE_WAY = {"bpchar", "unknown", "cstring", "pg_snapshot", "txid_snapshot", "aclitem", "refcursor"} | {
    *("regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc"),
    *("regprocedure", "regrole"),
}
"""Types that are tried with one value in test_check_types, or that nothing is sent as."""


@pytest.mark.parametrize("kind", ["float4", "float8", "numeric"])
async def test_nan_comes_back(connection: assay.Connection, kind: str) -> None:
    annotation: Any = Decimal if kind == "numeric" else float
    assert math.isnan(await connection.fetch_one(annotation, f"select $1::{kind}", annotation("NaN")))


INFINITE = {
    "date": (dt.date.max, dt.date.min),
    "timestamp": (dt.datetime.max, dt.datetime.min),
    "timestamptz": (dt.datetime.max, dt.datetime.min),
}


@pytest.mark.parametrize("kind", INFINITE)
async def test_infinity_is_the_last_and_the_first_day_of_python(connection: assay.Connection, kind: str) -> None:
    """As the driver has it: even of timestamptz infinity is without a zone."""
    for text, value in zip(("infinity", "-infinity"), INFINITE[kind], strict=True):
        assert await connection.fetch_one(Any, f"select '{text}'::{kind}") == value
        assert await connection.fetch_one(str, f"select $1::{kind}::text", value) == text


BEYOND_PYTHON = ["'24:00'::time", "'20000-01-01'::date", "'20000-01-01'::timestamp", "'4713-01-01 BC'::date"]


@pytest.mark.parametrize("expression", BEYOND_PYTHON)
async def test_a_value_that_python_cannot_hold_is_told(connection: assay.Connection, expression: str) -> None:
    with pytest.raises(assay.DecodeError, match="cast that column to text"):
        await connection.fetch_one(Any, f"select {expression}")
    assert await connection.fetch_one(str, f"select {expression}::text")


OF_EXTENSIONS = {
    "citext": ["", "Ab", "\u00df '\"\\"],
    "hstore": ["", '"a"=>"1", "b"=>NULL', '""=>""'],
    "ltree": ["", "a.b"],
    "vector": ["[1,2]"],
    "cube": ["(1, 2)", "(1, 2),(3, 4)"],
}


@pytest.mark.parametrize("name", OF_EXTENSIONS)
async def test_types_of_extensions_travel_as_text(surface: Any, database: DatabaseUrl, name: str) -> None:
    async with await surface.connect(database) as connection, await assay.connect(database) as prober:
        if not await connection.fetch_one(
            bool, "select exists (select from pg_available_extensions where name = $1)", name
        ):
            pytest.skip(f"this server does not offer {name}")
        await connection.execute(f"create extension {name}")
        description = await describe(prober.driver, f"select $1::{name}, $2::{name}[]")
        for column, param, annotation in zip(description.columns, description.params, (str, list[str]), strict=True):
            assert result_misfit(column.type, annotation) is None
            assert argument_misfit(param.type, annotation) is None
        for value in OF_EXTENSIONS[name]:
            row = await connection.fetch_one(
                tuple[str, list[str | None]], f"select $1::{name}, $2::{name}[]", value, [value, None]
            )
            assert row == (value, [value, None])


# What the check refuses does not work, or does something that nobody asked for.

SAMPLES: list[Any] = [
    *(True, 1, 1.5, Decimal("1.5"), "1", "10.0.0.1", str(UUID(int=1)), b"a", bytearray(b"a"), UUID(int=1)),
    *(dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3), dt.time(10), dt.timedelta(1)),
    *(IPv4Address("10.0.0.1"), IPv6Address("::1"), IPv4Interface("10.0.0.1/8"), IPv4Network("10.0.0.0/8")),
    *(asyncpg.BitString("1"), asyncpg.Point(1, 2), asyncpg.Line(1, 2, 3), asyncpg.Circle((1, 2), 3)),
    *(asyncpg.Range(1, 2), (1, 2), [1, 2], {1: 2}, {1, 2}, 1j),
]
LOST = {
    "a whole number takes whatever counts as one, and drops what is behind the point": (
        {"int2", "int4", "int8", "oid", "xid", "cid", "xid8", "pg_lsn"},
        {float, Decimal, UUID, IPv4Address, IPv6Address, IPv4Interface},
    ),
    "a number or a pair is not written like an address": ({"inet", "cidr"}, {bool, int, tuple}),
    "the time is dropped": ({"date"}, {dt.datetime}),
    "the day is dropped": ({"time"}, {dt.datetime}),
    "which moment a day begins at depends on the zone of the machine": ({"timestamptz"}, {dt.date}),
    "it is only as exact as a float, or no number": ({"numeric"}, {float, str}),
}


async def test_what_the_check_refuses_is_refused_or_loses_something(connection: assay.Connection) -> None:
    lost = {(name, kind) for names, kinds in LOST.values() for name in names for kind in kinds}
    for name in set(VALUES) - {"unknown", "cstring"}:
        for sample in SAMPLES:
            refused = argument_misfit(PgType(name), type(sample)) is not None
            if refused and (name, type(sample)) not in lost:
                with pytest.raises((assay.ParameterError, assay.DatabaseError)):
                    await connection.execute(f'select $1::pg_catalog."{name}"', sample)


async def test_a_field_is_refused_exactly_where_the_value_is_of_another_class(prober: asyncpg.Connection) -> None:
    for name, (text, _) in VALUES.items():
        value = await prober.fetchval(f"""select '{text}'::pg_catalog."{name}" """)
        for kind in {type(sample) for sample in SAMPLES}:
            accepted = result_misfit(PgType(name), kind) is None
            assert not accepted or isinstance(value, kind), (name, kind)
            assert accepted or type(value) is not kind or len(ENTRIES[name].returns) > 1, (name, kind)


async def test_members_of_a_plain_enum_are_sent_for_enum_types_alone(
    connection: assay.Connection, prober: asyncpg.Connection
) -> None:
    """Of text nobody knows whether names or values are meant."""
    description = await describe(prober, "select $1::mood, $2::text")
    assert [argument_misfit(param.type, PlainMood) is None for param in description.params] == [True, False]
    assert await connection.fetch_one(str, "select $1::mood::text", PlainMood.FINE) == PlainMood.FINE.value
    with pytest.raises(assay.ParameterError, match="expected str, got PlainMood"):
        await connection.fetch_one(str, "select $1::text", PlainMood.OK)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", ["json", "jsonb", "document", "jsonb[]"])
async def test_floats_that_json_cannot_write_are_refused(connection: assay.Connection, kind: str, value: float) -> None:
    """They would be stored as null, and nobody would know."""
    held: Any = {"sizes": [1.5, value], "other": None}
    for payload in (held, Measured("a", [held]), {"model": Model(size=value)}, [None, value]):
        sent = [payload] if kind == "jsonb[]" else payload
        with pytest.raises(assay.ParameterError, match="infinite or no number, which JSON cannot write"):
            await connection.fetch_one(Any, f"select $1::{kind}", sent)


async def test_what_cannot_be_encoded_leaves_the_connection_usable(connection: assay.Connection) -> None:
    endless: list[Any] = []
    endless.append(endless)
    for payload in (endless, {"a": object()}, {"a": "\ud800"}):
        with pytest.raises(assay.ParameterError, match=r"argument for \$1 cannot be encoded as JSON"):
            await connection.execute("select $1::jsonb", payload)
    assert await connection.fetch_one(int, "select 1") == 1


async def test_months_and_years_of_an_interval_become_days(connection: assay.Connection) -> None:
    """As the driver has it: a timedelta knows neither."""
    assert await connection.fetch_one(dt.timedelta, "select '1 year 1 month 1 day'::interval") == dt.timedelta(396)


async def test_a_value_is_the_same_on_both_surfaces(server: DatabaseUrl) -> None:
    """To its class, and to what it says of itself: Decimals have digits, and times have zones, that == does not see."""
    async with await AsyncSurface.connect(server) as one, await SyncSurface.connect(server) as other:
        for name, (text, _) in VALUES.items():
            for beside in ("1", "'a'::tsquery"):
                sql = f"""select '{text}'::pg_catalog."{name}", array['{text}'::pg_catalog."{name}"], {beside}"""
                expected, found = [await db.fetch_one(tuple[Any, Any, Any], sql) for db in (one, other)]
                assert plain(found) == plain(expected), name
                assert without_addresses(found) == without_addresses(expected), name


def without_addresses(value: Any) -> str:
    """What a value says of itself; of objects that say nothing, the class. The driver's UUID is a class of its own."""
    return re.sub(r" object at 0x[0-9a-f]+|asyncpg\.pgproto\.pgproto\.", "", repr(value))
