"""Which arguments a library can send for a parameter."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, Literal
from uuid import UUID

import pytest

from assay.pgtypes.model import PgType
from assay.proof.discover.libraries import Owner
from assay.proof.discover.surfaces import METHODS
from assay.proof.verdict.sent import sent_misfit

INT, TEXT, NUMERIC, JSON = PgType("int4"), PgType("text"), PgType("numeric"), PgType("jsonb")
NUMERICS = PgType("numeric[]", "array", element=NUMERIC)
JSONS = PgType("jsonb[]", "array", element=JSON)
TIME, DATE, BOOL, UUID_, BYTES = PgType("timestamptz"), PgType("date"), PgType("bool"), PgType("uuid"), PgType("bytea")


class Size(IntEnum):
    SMALL = 1


class Word(StrEnum):
    A = "a"


def fits(owner: Owner, pg: PgType, annotation: Any) -> bool:
    return sent_misfit(METHODS["execute"][owner], pg, annotation) is None


@pytest.mark.parametrize(
    ("pg", "annotation"),
    [
        (INT, int),
        (INT, int | None),
        (INT, Size),
        (TEXT, Word),
        (TEXT, Literal["a"]),
        (NUMERIC, float),
        (NUMERIC, str | Decimal),
        (NUMERICS, list[float]),
        (TIME, dt.date),
        (JSON, dict[str, int]),
        (JSON, str),
        (JSONS, list[dict[str, int]]),
        (UUID_, str),
        (INT, Any),
    ],
)
def test_asyncpg_takes(pg: PgType, annotation: Any) -> None:
    assert fits(Owner.ASYNCPG, pg, annotation)


@pytest.mark.parametrize(
    ("pg", "annotation"),
    [(INT, str), (TEXT, int), (TEXT, int | str), (INT, float), (DATE, dt.datetime), (BOOL, str), (BYTES, str)],
)
def test_asyncpg_does_not_take(pg: PgType, annotation: Any) -> None:
    assert not fits(Owner.ASYNCPG, pg, annotation)


def test_assay_asks_for_the_type_itself() -> None:
    assert not fits(Owner.ASSAY, NUMERIC, float)
    assert fits(Owner.ASSAY, NUMERIC, Decimal)


OTHERS = [Owner.PSYCOPG, Owner.PSYCOPG2, Owner.SQLALCHEMY, Owner.DATABASES]


@pytest.mark.parametrize("owner", OTHERS)
@pytest.mark.parametrize(
    ("pg", "annotation"),
    [
        (INT, str),
        (TIME, str),
        (TEXT, int),
        (INT, Decimal),
        (NUMERIC, float),
        (DATE, int),
        (PgType("interval"), dt.datetime),
        (TIME, dt.timedelta),
        (JSON, dict[str, int]),
        (INT, list[int]),
        (PgType("mood", "enum", labels=("a",)), int),
        (PgType("int4", schema="app"), UUID),
        (BOOL, Any),
    ],
)
def test_other_drivers_may_convert(owner: Owner, pg: PgType, annotation: Any) -> None:
    assert fits(owner, pg, annotation)


@pytest.mark.parametrize("owner", OTHERS)
@pytest.mark.parametrize(
    ("pg", "annotation"),
    [
        (INT, UUID),
        (INT, bool),
        (INT, Literal[True]),
        (BOOL, int),
        (BOOL, Size),
        (UUID_, int | None),
        (BYTES, float),
        (TIME, int),
        (UUID_, bytes),
        (INT, dt.datetime | None),
    ],
)
def test_nothing_converts_what_is_far_apart(owner: Owner, pg: PgType, annotation: Any) -> None:
    assert not fits(owner, pg, annotation)
