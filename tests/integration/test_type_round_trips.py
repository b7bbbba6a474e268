"""Values of every kind of type go to the server and come back as they were, by annotations that the check accepts.

``make soak`` tries more values.
"""

from __future__ import annotations

import datetime as dt
import math
import os
import re
from collections.abc import AsyncIterator
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, is_typeddict
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fixtures.surfaces import AsyncSurface, SyncSurface
from tests.fixtures.trips import SCHEMA, TRIPS, Measured, Model, PlainMood, Trip
from tests.integration.test_check_types import NOT_MADE_FROM_TEXT, VALUES

import assay
from assay.config import DatabaseUrl
from assay.pgtypes.hints import show
from assay.pgtypes.model import PgType
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.results import result_misfit
from assay.pgtypes.table import ENTRIES
from assay.proof import describe

FIXTURE = [HealthCheck.function_scoped_fixture]
FEW = settings(max_examples=15, deadline=None, suppress_health_check=FIXTURE)
MANY = settings(FEW, max_examples=int(os.environ.get("ASSAY_SOAK_EXAMPLES", "500")))


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


every_trip = pytest.mark.parametrize("trip", TRIPS, ids=lambda trip: f"{trip.type} {show(trip.annotation)}")


@FEW
@given(data=st.data())
@every_trip
async def test_what_is_sent_comes_back(connection: assay.Connection, trip: Trip, data: st.DataObject) -> None:
    await travel(connection, trip, data)


@pytest.mark.soak
@pytest.mark.timeout(0)
@MANY
@given(data=st.data())
@every_trip
async def test_soak_what_is_sent_comes_back(connection: assay.Connection, trip: Trip, data: st.DataObject) -> None:
    await travel(connection, trip, data)


async def travel(connection: assay.Connection, trip: Trip, data: st.DataObject) -> None:
    """Send a value, and compare what comes back."""
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


@every_trip
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
