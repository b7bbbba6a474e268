"""Values of real columns arrive in the classes of their fields."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from typing import Any, Literal, NewType
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest

import assay
from assay.config import DatabaseUrl

PersonId = NewType("PersonId", int)


class Mood(StrEnum):
    SAD = "sad"
    OK = "ok"


class Evidence(msgspec.Struct):
    level: int
    notes: list[str] = []


@attrs.frozen
class Depth:
    width: int


class Report(pydantic.BaseModel):
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: PersonId
    name: str
    nick: str | None
    mood: Mood
    moods: list[Mood]
    level: Literal["low", "high"]
    key: UUID
    born: datetime
    worth: Decimal
    photo: bytes | None
    address: IPv4Address | IPv6Address | None
    evidence: Evidence
    depths: list[Depth] | None
    report: Report | None
    raw: str


SCHEMA = """
create type mood as enum ('sad', 'ok');
create domain payload as jsonb check (value is not null);
create table person (
    id int primary key, name varchar(20) not null, nick text, mood mood not null, moods mood[] not null,
    level text not null check (level in ('low', 'high')), key uuid not null, born timestamptz not null,
    worth numeric not null, photo bytea, address inet, evidence payload not null, depths jsonb[], report json,
    raw jsonb not null
);
create table pet (id int primary key, name text not null, owner int references person);
"""
KEY = UUID("6f1c8d0e-5a64-4f5e-9a57-3d6d1a6c2b10")
BORN = datetime(2001, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
ANNA = Person(
    id=PersonId(1),
    name="Anna",
    nick=None,
    mood=Mood.OK,
    moods=[Mood.SAD, Mood.OK],
    level="low",
    key=KEY,
    born=BORN,
    worth=Decimal("1.50"),
    photo=b"\x00\x01",
    address=IPv4Address("10.0.0.1"),
    evidence=Evidence(3, ["é"]),
    depths=[Depth(4)],
    report=Report(made_at=BORN),
    raw='{"a": 1}',
)
INSERT = """
insert into person (id, name, nick, mood, moods, level, key, born, worth, photo, address, evidence, depths, report, raw)
values (:id, :name, :nick, :mood, :moods, :level, :key, :born, :worth, :photo, :address, :evidence, :depths, :report,
    :raw)
returning *
"""


@pytest.fixture
async def db(surface: Any, database: DatabaseUrl) -> AsyncIterator[assay.Connection]:
    async with await surface.connect(database) as connection:
        await connection.execute(SCHEMA)
        yield connection


async def test_row_object_goes_in_and_comes_back_the_same(db: assay.Connection) -> None:
    assert await db.fetch_one(Person, INSERT, ANNA) == ANNA
    assert await db.fetch_one(Person, "select * from person") == ANNA


async def test_json_is_sent_as_values_or_as_its_text(db: assay.Connection) -> None:
    sql = "select $1::jsonb, $2::json"
    assert await db.fetch_one(tuple[str, str], sql, '{"b":  1}', '{"b":  1}') == ('{"b": 1}', '{"b":  1}')
    assert await db.fetch_one(tuple[Any, Any], sql, {"b": [1, None]}, "null") == ({"b": [1, None]}, None)
    assert await db.fetch_one(tuple[Any, Any], sql, None, 1.5) == (None, 1.5)
    assert await db.fetch_one(dict[str, str], "select $1::jsonb", {"at": IPv4Address("10.0.0.1")}) == {"at": "10.0.0.1"}


async def test_value_that_json_cannot_hold_is_refused(db: assay.Connection) -> None:
    with pytest.raises(assay.ParameterError, match=r"argument for \$1 cannot be encoded as JSON: a object"):
        await db.fetch_one(str, "select $1::jsonb", object())


async def test_json_that_does_not_fit_its_class_is_named(db: assay.Connection) -> None:
    with pytest.raises(assay.DecodeError, match=r'column "evidence" does not fit Evidence \| None: .* `\$\.level`'):
        await db.fetch_one(Evidence | None, """select '{"level": "x"}'::jsonb as evidence""")


async def test_addresses_arrive_as_the_standard_librarys(db: assay.Connection) -> None:
    row = tuple[IPv4Address, IPv4Interface, IPv6Address, IPv4Network]
    sql = "select inet '10.0.0.1', inet '10.0.0.1/8', inet '::1', cidr '10.0.0.0/8'"
    assert await db.fetch_one(row, sql) == (
        IPv4Address("10.0.0.1"),
        IPv4Interface("10.0.0.1/8"),
        IPv6Address("::1"),
        IPv4Network("10.0.0.0/8"),
    )


@dataclass
class Owner:
    id: int
    nick: str | None


@dataclass
class Pet:
    name: str
    owner: Owner | None


async def test_nested_row_is_none_where_the_outer_join_found_nothing(db: assay.Connection) -> None:
    await db.fetch_one(Person, INSERT, ANNA)
    await db.execute("insert into pet values (1, 'Rex', 1), (2, 'Tom', null)")
    pets = await db.fetch_all(
        Pet,
        """
        select pet.name, owner.id as "owner.id", owner.nick as "owner.nick"
        from pet left join person owner on owner.id = pet.owner order by pet.id
        """,
    )
    assert pets == [Pet("Rex", Owner(1, None)), Pet("Tom", None)]


async def test_enum_of_the_database_and_text_both_give_members(db: assay.Connection) -> None:
    assert await db.fetch_one(tuple[Mood, Mood], "select 'sad'::mood, 'ok'::text") == (Mood.SAD, Mood.OK)
    assert await db.fetch_one(str, "select $1::mood::text", Mood.SAD) == "sad"
    with pytest.raises(assay.DecodeError, match="does not fit Mood: 'mad' is not one of its values"):
        await db.fetch_one(Mood, "select 'mad'")


async def test_ten_thousand_rows_keep_their_order(db: assay.Connection) -> None:
    rows = await db.fetch_all(Owner, "select id, id::text as nick from generate_series(1, 10000) id")
    assert rows == [Owner(number, str(number)) for number in range(1, 10001)]
