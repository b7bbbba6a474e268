"""Rows of generic classes, of init-only fields and of classes whose annotations are for type checkers, as they arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import InitVar, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import msgspec
import pydantic
import pytest

import assay
from assay.config import DatabaseUrl

if TYPE_CHECKING:
    from decimal import Decimal

T = TypeVar("T")


class Mood(StrEnum):
    SAD = "sad"


@dataclass
class Box(Generic[T]):
    id: int
    value: T


@dataclass
class MoodBox(Box[Mood]):
    more: int


class Struct(msgspec.Struct, Generic[T]):
    value: T


class Model(pydantic.BaseModel, Generic[T]):
    value: T


class Tuple(NamedTuple, Generic[T]):
    value: T


@dataclass
class Priced:
    price: Decimal


@dataclass
class Measured:
    id: int
    text: InitVar[str]
    unit: InitVar[str] = "m"
    size: str = field(init=False)

    def __post_init__(self, text: str, unit: str) -> None:
        self.size = f"{len(text)} {unit}"


ROWS: list[tuple[Any, str, object]] = [
    (Box[Mood], "select 1 as id, 'sad' as value", Box(1, Mood.SAD)),
    (Box[Box[int]], 'select 1 as id, 2 as "value.id", 3 as "value.value"', Box(1, Box(2, 3))),
    (Box[Box[int] | None], 'select 1 as id, null::int as "value.id", null::int as "value.value"', Box(1, None)),
    (MoodBox, "select 1 as id, 'sad' as value, 2 as more", MoodBox(1, Mood.SAD, 2)),
    (Struct[Mood], "select 'sad' as value", Struct(Mood.SAD)),
    (Model[Mood], "select 'sad' as value", Model[Mood](value=Mood.SAD)),
    (Tuple[Mood], "select 'sad' as value", Tuple(Mood.SAD)),
]


@pytest.fixture
async def db(surface: Any, server_18: DatabaseUrl) -> AsyncIterator[assay.Pool]:
    async with surface.Pool(server_18.reveal()) as pool:
        yield pool


@pytest.mark.parametrize(("row", "sql", "expected"), ROWS, ids=[str(row) for row, _, _ in ROWS])
async def test_a_generic_row(db: assay.Pool, row: Any, sql: str, expected: object) -> None:
    (found,) = await db.fetch_all(row, sql)
    assert found == expected
    value, wanted = getattr(found, "value", None), getattr(expected, "value", None)
    assert type(value) is type(wanted)


async def test_a_name_for_type_checkers_alone(db: assay.Pool) -> None:
    (found,) = await db.fetch_all(Priced, "select 1.50 as price")
    assert str(found.price) == "1.50"
    assert "Decimal" not in globals()


async def test_init_only_fields(db: assay.Pool) -> None:
    assert [row.size for row in await db.fetch_all(Measured, "select 1 as id, 'abc' as text")] == ["3 m"]
    found = await db.fetch_all(Measured, "select 'cm' as unit, 'abc' as text, 1 as id")
    assert [row.size for row in found] == ["3 cm"]
