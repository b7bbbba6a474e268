"""Verdicts on rows of arguments: hand-made parameters against what is known of each row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pgtypes.model import PgType
from assay.proof.description import Description, NullUse, Parameter, RowBound
from assay.proof.discover import discover
from assay.proof.expressions import Expressions
from assay.proof.modules import Modules
from assay.proof.report import finding_lines
from assay.proof.verdict import Verdict, judge, read_query
from assay.proof.verdict.query import Query

Judge = Callable[..., Verdict]

MODULE = """\
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
import assay
@dataclass
class Device:
    id: int
    name: str | None
class Pair(NamedTuple):
    id: int
    name: str
async def f(db: assay.Executor, devices: list[Device], pairs: Iterable[Pair], tuples: Sequence[tuple[int, str]],
            open_tuples: list[tuple[int, ...]], numbers: list[int], anything: list[Any], plain, two: tuple[Device, ...],
            maps: list[dict[str, int]], maybe: list[tuple[int, str | None]], lists: list[list[int]]) -> None:
"""
INT4, TEXT = PgType("int4"), PgType("text")


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Judge one call against an int4 and a text."""

    def judge_call(sql: str, rows: str, null: NullUse = NullUse.ACCEPTED) -> Verdict:
        (tmp_path / "m.py").write_text(f'{MODULE}    await db.execute_many("{sql}", {rows})\n')
        discovery = discover(tmp_path, [tmp_path])
        query = read_query(discovery.calls[0])
        assert isinstance(query, Query), query
        params = tuple(Parameter(kind, null, "t.a is NOT NULL") for kind in (INT4, TEXT))
        with Modules(discovery.project) as modules:
            return judge(query, Description(RowBound.NONE, params, ()), Expressions(discovery.project, modules))

    return judge_call


def told(verdict: Verdict) -> list[str]:
    return [" ".join(next(iter(finding_lines(found))).split()[1:]) for found in verdict.findings]


BY_POSITION, BY_NAME = "q $1, $2", "q :id, :name"

FITS = [
    (BY_POSITION, "tuples"),
    (BY_POSITION, "maybe"),
    (BY_POSITION, '[(1, "a"), (2, "b")]'),
    (BY_POSITION, '((1, "a"), (2, None))'),
    (BY_NAME, "devices"),
    (BY_NAME, "pairs"),
    (BY_NAME, "two"),
]


@pytest.mark.parametrize(("sql", "rows"), FITS)
def test_rows_of_a_known_type_fit(judged: Judge, sql: str, rows: str) -> None:
    verdict = judged(sql, rows)
    assert (verdict.findings, verdict.unverified) == ((), ())


WRONG = [
    ("q $1, $2", '[(1, "a"), ("b", "c")]', "ASY302 parameter $1 is int4, element 1 of each row is"),
    ("q $1, $2", "[(1,)]", "ASY301 the statement takes 2 parameters, each row gives 1"),
    ("q $1, $2", "devices", "ASY301 the statement takes its parameters by position, each row is Device"),
    ("q $1, $2", "numbers", "ASY301 the statement takes its parameters by position, each row is int"),
    ("q :id, :name", "tuples", "ASY301 the statement takes its parameters by name, each row is tuple[int, str]"),
    ("q :id, :title", "devices", "ASY301 Device has no field for :title"),
    ("q :name, :id", "devices", "ASY302 parameter :name is int4, each of devices: name is str | None"),
]


@pytest.mark.parametrize(("sql", "rows", "expected"), WRONG)
def test_rows_that_do_not_fit_are_told(judged: Judge, sql: str, rows: str, expected: str) -> None:
    found = told(judged(sql, rows))
    assert found, "nothing was found"
    assert found[0].startswith(expected)


def test_null_that_a_row_may_have_is_told(judged: Judge) -> None:
    assert told(judged(BY_POSITION, "maybe", NullUse.REQUIRED)) == [
        "ASY303 parameter $2 must not be NULL, element 2 of each row may be None: it is str | None"
    ]
    assert told(judged(BY_NAME, "devices", NullUse.REQUIRED)) == [
        "ASY303 parameter :name must not be NULL, each of devices: name may be None: it is str | None"
    ]


@pytest.mark.parametrize(
    "rows", ["plain", "anything", "open_tuples", "lists", "[]", "(d for d in devices)", "missing()"]
)
@pytest.mark.parametrize("sql", [BY_POSITION, BY_NAME])
def test_rows_of_which_nothing_is_known_are_unverified(judged: Judge, sql: str, rows: str) -> None:
    if (sql, rows) == (BY_NAME, "open_tuples"):
        assert told(judged(sql, rows))[0].startswith("ASY301")
        return
    verdict = judged(sql, rows)
    assert verdict.findings == ()
    assert len(verdict.unverified) == 2


def test_size_of_batches_is_no_parameter(tmp_path: Path) -> None:
    call = 'db.stream(Device, "select id, name from device where id > :low", low=1, batch=10)'
    (tmp_path / "m.py").write_text(f"{MODULE}    async for row in {call}:\n        pass\n")
    (found,) = discover(tmp_path, [tmp_path]).calls
    assert [argument.name for argument in found.arguments] == ["low"]


def test_rows_that_are_returned_for_many_are_found(tmp_path: Path) -> None:
    call = 'await db.fetch_many(Device, "insert into device values (:id, :name) returning id, name", devices)'
    (tmp_path / "m.py").write_text(f"{MODULE}    {call}\n")
    (found,) = discover(tmp_path, [tmp_path]).calls
    assert (found.surface.method, found.surface.wants, found.batch) == ("fetch_many", "many", True)
    assert found.row is not None
