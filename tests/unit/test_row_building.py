"""Named tuples are filled without their ``__new__`` only where that would do nothing else."""

from __future__ import annotations

from collections import namedtuple
from typing import Any, Generic, NamedTuple, TypeVar

import asyncpg
import pytest

from assay.runtime.building import make_builder
from assay.runtime.matching import Column

T = TypeVar("T")


class Pair(NamedTuple):
    id: int
    name: str = "none"


class Loud(namedtuple("Loud", ["id", "name"])):
    __slots__ = ()

    def __new__(cls, id: int, name: str) -> Loud:  # noqa: A002 - the field's name
        return super().__new__(cls, id, name.upper())


class Box(NamedTuple, Generic[T]):
    id: T
    name: str


INT4 = asyncpg.Type(23, "int4", "scalar", "pg_catalog")
TEXT = asyncpg.Type(25, "text", "scalar", "pg_catalog")


def built(kind: Any, *names: str) -> Any:
    values = {"id": 1, "name": "a"}
    columns = [Column(index, name, INT4 if name == "id" else TEXT) for index, name in enumerate(names)]
    record: Any = tuple(values[name] for name in names)
    (row,) = make_builder(kind, columns)([record])
    return row


@pytest.mark.parametrize("names", [("id", "name"), ("name", "id")])
@pytest.mark.parametrize("kind", [Pair, namedtuple("Plain", "id name"), Box, Box[int]])
def test_named_tuple_is_of_its_class(kind: Any, names: tuple[str, ...]) -> None:
    row = built(kind, *names)
    assert type(row) is getattr(kind, "__origin__", kind)
    assert (row.id, row.name) == (1, "a")


@pytest.mark.parametrize("names", [("id", "name"), ("name", "id")])
def test_new_of_an_heir_is_called(names: tuple[str, ...]) -> None:
    row = built(Loud, *names)
    assert type(row) is Loud
    assert (row.id, row.name) == (1, "A")
