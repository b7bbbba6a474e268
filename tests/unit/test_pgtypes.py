"""Which annotations a PostgreSQL type fits."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, TypedDict
from uuid import UUID

import asyncpg
import msgspec
import pytest
from pydantic import BaseModel

from assay.pgtypes.model import PgType
from assay.pgtypes.parameters import argument_misfit
from assay.pgtypes.python import python_type, refusal
from assay.pgtypes.results import result_misfit
from assay.pgtypes.table import ENTRIES


class Mood(enum.StrEnum):
    HAPPY = "happy"
    SAD = "sad"


class PlainMood(enum.Enum):
    HAPPY = "happy"
    SAD = "sad"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass
class Payload:
    name: str
    parts: list[Payload]


class Loose(TypedDict):
    name: str


class Packed(msgspec.Struct):
    name: str


class Model(BaseModel):
    name: str


class Opaque:
    pass


DeviceId = NewType("DeviceId", UUID)

MOOD = PgType("mood", "enum", labels=("happy", "sad"))
INT4 = PgType("int4")
EMAIL = PgType("email", "domain", element=PgType("citext", schema="extensions"))
PAIR = PgType("pair", "composite", fields=(("a", INT4), ("b", PgType("text"))))


def array(element: PgType) -> PgType:
    return PgType(f"{element}[]", "array", element=element)


def range_of(name: str, subtype: str) -> PgType:
    return PgType(name, "range", element=PgType(subtype))


FITS: list[tuple[PgType, Any]] = [
    (PgType("bool"), bool),
    (PgType("int8"), int),
    (PgType("float4"), float),
    (PgType("numeric"), Decimal),
    (PgType("money"), str),
    (PgType("oid"), int),
    (PgType("text"), str),
    (PgType("text"), str | None),
    (PgType("text"), Any),
    (PgType("text"), object),
    (PgType("text"), str | int),
    (PgType("text"), Annotated[str, "anything"]),
    (PgType("varchar"), str),
    (PgType("citext", schema="public"), str),
    (PgType("ltree"), str),
    (PgType("vector"), str),
    (PgType("hstore"), str),
    (PgType("bytea"), bytes),
    (PgType("char"), bytes),
    (PgType("uuid"), UUID),
    (PgType("uuid"), DeviceId),
    (PgType("date"), dt.date),
    (PgType("time"), dt.time),
    (PgType("timestamp"), dt.datetime),
    (PgType("timestamptz"), dt.datetime),
    (PgType("interval"), dt.timedelta),
    (PgType("inet"), IPv4Address | IPv6Address),
    (PgType("cidr"), IPv4Network | IPv6Network | None),
    (PgType("point"), asyncpg.Point),
    (PgType("bit"), asyncpg.BitString),
    (PgType("tid"), tuple[int, int]),
    (PgType("int2vector"), list[int]),
    (PgType("tsvector"), str),
    (MOOD, Mood),
    (MOOD, PlainMood),
    (MOOD, Literal["sad", "happy"]),
    (MOOD, Literal["sad", "happy", None]),
    (MOOD, str),
    (EMAIL, str),
    (PAIR, asyncpg.Record),
    (PgType("record", "pseudo"), tuple[int, str]),
    (array(INT4), list[int]),
    (array(INT4), list[int | None]),
    (array(INT4), Sequence[int]),
    (array(INT4), list[list[int]]),
    (array(INT4), list),
    (array(MOOD), list[Mood]),
    (array(EMAIL), list[str] | None),
    (range_of("int4range", "int4"), asyncpg.Range[int]),
    (range_of("int4range", "int4"), asyncpg.Range),
    (PgType("int4multirange", "multirange", element=INT4), list[asyncpg.Range[int]]),
    (PgType("jsonb"), str),
    (PgType("jsonb"), dict[str, Any]),
    (PgType("jsonb"), Payload),
    (PgType("json"), list[Packed]),
    (PgType("json"), Loose),
    (PgType("jsonb"), Model),
    (PgType("jsonb"), IPv4Address),
    (PgType("jsonb"), int | str | None),
]


@pytest.mark.parametrize(("kind", "annotation"), FITS, ids=lambda value: str(value))
def test_a_field_holds_its_column(kind: PgType, annotation: Any) -> None:
    assert result_misfit(kind, annotation) is None


MISFITS: list[tuple[PgType, Any, str, str]] = [
    (INT4, str, "int4 arrives as int", "int"),
    (INT4, float, "int4 arrives as int", "int"),
    (INT4, bool, "int4 arrives as int", "int"),
    (INT4, None, "int4 arrives as int", "int"),
    (PgType("bool"), int, "bool arrives as bool", "bool"),
    (PgType("numeric"), float, "numeric arrives as Decimal", "Decimal"),
    (PgType("numeric"), int, "numeric arrives as Decimal", "Decimal"),
    (PgType("timestamptz"), dt.date, "timestamptz arrives as datetime", "datetime"),
    (PgType("date"), dt.datetime, "date arrives as date", "date"),
    (PgType("uuid"), str, "uuid arrives as UUID", "UUID"),
    (PgType("inet"), IPv4Address, "inet arrives as IPv4Address | IPv6Address", "IPv4Address | IPv6Address"),
    (PgType("inet"), str, "inet arrives as IPv4Address | IPv6Address", "IPv4Address | IPv6Address"),
    (
        PgType("inet"),
        IPv4Interface | IPv6Interface,
        "inet arrives as IPv4Address | IPv6Address",
        "IPv4Address | IPv6Address",
    ),
    (PgType("text"), int | None, "text arrives as str", "str"),
    (PgType("text"), bytes, "text arrives as str", "str"),
    (PgType("text"), Opaque, "text arrives as str", "str"),
    (PgType("text"), Mood, "nothing limits text to the values of Mood: no enum type, no CHECK that lists them", "str"),
    (MOOD, Literal["happy"], "Literal['happy'] lacks 'sad'", "Literal['happy', 'sad']"),
    (MOOD, Literal["happy", "sad", "angry"], "mood has no 'angry'", "Literal['happy', 'sad']"),
    (MOOD, int, "mood arrives as str", "Literal['happy', 'sad']"),
    (array(INT4), list[str], "int4 arrives as int", "list[int]"),
    (array(INT4), list[list[str]], "int4 arrives as int", "list[int]"),
    (array(INT4), int, "int4[] arrives as list[int]", "list[int]"),
    (array(INT4), tuple[int, ...], "int4[] arrives as list[int]", "list[int]"),
    (array(INT4), set[int], "int4[] arrives as list[int]", "list[int]"),
    (
        array(MOOD),
        Sequence[Mood],
        "the elements of a Sequence[Mood] stay str; only those of a list become enum members",
        "list[Literal['happy', 'sad']]",
    ),
    (range_of("daterange", "date"), tuple, "daterange arrives as asyncpg.Range[date]", "asyncpg.Range[date]"),
    (range_of("daterange", "date"), asyncpg.Range[int], "date arrives as date", "asyncpg.Range[date]"),
    (PAIR, tuple[int, str], "pair arrives as asyncpg.Record", "asyncpg.Record"),
    (PgType("jsonb"), Opaque, "JSON cannot be decoded into Opaque", "dict[str, Any]"),
    (PgType("jsonb"), list[Opaque], "JSON cannot be decoded into Opaque", "dict[str, Any]"),
    (PgType("jsonb"), None, "JSON holds more than null", "dict[str, Any]"),
]


@pytest.mark.parametrize(("kind", "annotation", "why", "fix"), MISFITS, ids=lambda value: str(value)[:40])
def test_a_field_that_does_not_hold_its_column(kind: PgType, annotation: Any, why: str, fix: str) -> None:
    misfit = result_misfit(kind, annotation)
    assert misfit is not None
    assert (misfit.why, misfit.annotation) == (why, fix)


def test_a_check_that_lists_values_makes_text_a_literal() -> None:
    allowed = ("low", "high")
    assert result_misfit(PgType("text"), Literal["low", "high"], allowed) is None
    assert result_misfit(PgType("text"), Literal["low", "high", "other"], allowed) is None
    assert python_type(PgType("text"), allowed) == "Literal['low', 'high']"
    misfit = result_misfit(PgType("text"), Literal["low"], allowed)
    assert misfit is not None
    assert misfit.why == "Literal['low'] lacks 'high'"


def test_a_check_that_lists_numbers_makes_an_integer_an_enum() -> None:
    assert result_misfit(INT4, Level, ("1", "2")) is None
    assert result_misfit(INT4, Level) is not None


def test_the_labels_that_a_check_leaves_of_an_enum_type_are_enough() -> None:
    assert result_misfit(MOOD, Literal["happy"], ("happy",)) is None


ACCEPTED: list[tuple[PgType, Any]] = [
    (PgType("float8"), int),
    (PgType("float8"), Decimal),
    (PgType("numeric"), int),
    (PgType("int4"), bool),
    (PgType("int4"), Level),
    (PgType("int4"), Literal[1, 2]),
    (PgType("text"), Mood),
    (PgType("text"), Literal["a"]),
    (PgType("text"), str | None),
    (PgType("text"), Any),
    (PgType("uuid"), str),
    (PgType("bytea"), bytearray),
    (PgType("timestamptz"), dt.datetime),
    (PgType("inet"), str | IPv6Address),
    (PgType("inet"), IPv4Interface),
    (PgType("cidr"), IPv4Network),
    (INT4, Level),
    (MOOD, Mood),
    (MOOD, PlainMood),
    (MOOD, Literal[PlainMood.SAD]),
    (MOOD, Literal["sad"]),
    (MOOD, str),
    (EMAIL, str),
    (PAIR, tuple[int, str]),
    (array(INT4), list[int]),
    (array(INT4), tuple[int, ...]),
    (array(INT4), Iterable[int]),
    (array(INT4), set[int]),
    (array(MOOD), list[Mood]),
    (array(MOOD), list[PlainMood | None]),
    (array(INT4), list[list[int]]),
    (range_of("int4range", "int4"), asyncpg.Range[int]),
    (range_of("int4range", "int4"), tuple[int, int]),
    (PgType("int4multirange", "multirange", element=INT4), list[asyncpg.Range[int]]),
    (PgType("jsonb"), Payload),
    (PgType("jsonb"), str),
    (PgType("jsonb"), Model),
    (PgType("timestamp"), dt.date),
    (PgType("point"), list[float]),
    (range_of("int4range", "int4"), tuple[int | None, int | None]),
    (PgType("int4multirange", "multirange", element=INT4), list[tuple[int, int]]),
    (array(PgType("jsonb")), list[list[int]]),
    (array(PAIR), list[tuple[int, str | None]]),
    (array(PAIR), list[list[tuple[int, str]]]),
]


@pytest.mark.parametrize(("kind", "annotation"), ACCEPTED, ids=lambda value: str(value)[:40])
def test_an_argument_that_can_be_sent(kind: PgType, annotation: Any) -> None:
    assert argument_misfit(kind, annotation) is None


REFUSED: list[tuple[PgType, Any, str]] = [
    (INT4, str, "int4 takes int"),
    (INT4, float, "int4 takes int"),
    (INT4, int | str, "int4 takes int"),
    (INT4, Literal["1"], "int4 takes int"),
    (PgType("text"), int, "text takes str"),
    (PgType("text"), PlainMood, "text takes str; only for an enum type is a member of PlainMood sent as its value"),
    (PgType("text"), Level, "text takes str; only for an enum type is a member of Level sent as its value"),
    (PgType("numeric"), float, "numeric takes Decimal or int"),
    (PgType("date"), dt.datetime, "datetime loses something when it is sent as date"),
    (PgType("timestamptz"), dt.date, "timestamptz takes datetime"),
    (PgType("cidr"), IPv4Interface, "IPv4Interface loses something when it is sent as cidr"),
    (MOOD, Literal["angry", "sad"], "mood has no 'angry'"),
    (MOOD, Level, "mood has no 1, 2"),
    (PgType("mood", "enum", labels=("happy",)), PlainMood, "mood has no 'sad'"),
    (MOOD, int, "mood takes str"),
    (array(INT4), int, "int4[] takes a list"),
    (array(INT4), str, "int4[] takes a list"),
    (array(PgType("text")), str, "text[] takes a list"),
    (array(INT4), list[str], "int4 takes int"),
    (range_of("int4range", "int4"), int, "int4range takes asyncpg.Range[int]"),
    (range_of("int4range", "int4"), asyncpg.Range[str], "int4 takes int"),
    (PAIR, int, "pair takes a tuple of its fields"),
    (PgType("jsonb"), Opaque, "Opaque cannot be encoded as JSON"),
    (PgType("pg_node_tree"), str, "pg_node_tree cannot be a parameter"),
    (PgType("oidvector"), list[int], "oidvector cannot be a parameter"),
    (array(INT4), list[tuple[int, int]], "int4 takes int"),
    (array(PgType("jsonb")), list[list[Opaque]], "Opaque cannot be encoded as JSON"),
    (array(PAIR), list[list[int]], "pair takes a tuple of its fields"),
    (PAIR, tuple[int], "pair has 2 fields"),
    (PAIR, tuple[int, int], "text takes str"),
    (range_of("int4range", "int4"), tuple[str, str], "int4 takes int"),
    (range_of("int4range", "int4"), tuple[int, int, int], "int4range takes asyncpg.Range[int]"),
    (
        PgType("int4multirange", "multirange", element=INT4),
        set[asyncpg.Range[int]],
        "int4multirange takes a list of ranges",
    ),
    (PgType("int4multirange", "multirange", element=INT4), list[asyncpg.Range[str]], "int4 takes int"),
]


@pytest.mark.parametrize(("kind", "annotation", "why"), REFUSED, ids=lambda value: str(value)[:40])
def test_an_argument_that_cannot_be_sent(kind: PgType, annotation: Any, why: str) -> None:
    misfit = argument_misfit(kind, annotation)
    assert misfit is not None
    assert misfit.why == why


def test_types_of_indexes_cannot_be_fetched() -> None:
    assert refusal(PgType("gtsvector")) == "gtsvector cannot be fetched: it exists only inside GiST indexes"
    assert refusal(array(PgType("gtsvector"))) == refusal(PgType("gtsvector"))
    assert refusal(PgType("gtsvector", schema="app")) is None
    assert refusal(PgType("anyelement", "pseudo")) == "anyelement is a pseudo-type, which the driver does not decode"


def test_composites_and_ranges_are_refused_with_what_the_driver_has_no_binary_form_of_inside() -> None:
    holder = PgType("holder", "composite", fields=(("id", INT4), ("mails", array(EMAIL))))
    why = "the driver has no binary form of email[], which is in it"
    assert refusal(holder) == f"holder cannot be fetched: {why}"
    assert refusal(array(PgType("outer", "composite", fields=(("inner", holder),)))) is not None
    assert refusal(range_of("spans", "tsvector")) is not None
    assert refusal(PgType("row", "composite", fields=(("a", MOOD), ("b", array(PgType("jsonb")))))) is None
    misfit = argument_misfit(holder, Any)
    assert misfit is not None
    assert misfit.why == f"holder cannot be sent: {why}"


NO_TYPES_OF_COLUMNS = {"unknown", "cstring", "record", "void"}
PAGE = (Path(__file__).parents[2] / "docs" / "types.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(ENTRIES.keys() - NO_TYPES_OF_COLUMNS))
def test_the_page_of_types_says_of_each_what_a_field_is(name: str) -> None:
    shown = '`"char"`' if name == "char" else f"`{name}`"
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and shown in line.split(" | ")[0]]
    assert ENTRIES[name].write.removeprefix("asyncpg.").replace("|", "\\|") in row
