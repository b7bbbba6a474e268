"""Verdicts on nested rows: which of them an outer join may not find, and what their fields must take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description, RowBound
from assay.proof.discover import discover
from assay.proof.expressions import Expressions
from assay.proof.modules import Modules
from assay.proof.verdict import judge, read_query
from assay.proof.verdict.query import Query

CLASSES = """\
from __future__ import annotations
from dataclasses import dataclass
import assay
@dataclass
class Team:
    id: int
    name: str
@dataclass
class Author:
    id: int
    nick: str | None
    team: Team | None
@dataclass
class Fixed:
    id: int
    nick: str
    team: Team
@dataclass
class Loose:
    id: int | None
    nick: str | None
@dataclass
class Mixed:
    id: int
    nick: str
"""
Findings = Callable[[str, list[Column]], list[str]]


def column(name: str, joined: str = "", in_row: str = "") -> Column:
    """A column that outer joins may make NULL, by the names of what they may not find."""
    relations = tuple(joined.split())
    reason = f"an outer join may find no row of {relations[-1]}" if relations else in_row or "it is NOT NULL"
    kind = PgType("text" if name.rpartition(".")[2] in ("name", "nick") else "int4")
    return Column(name, kind, bool(joined or in_row), reason, joined=relations, null_in_row=in_row)


@pytest.fixture
def found(tmp_path: Path) -> Findings:
    """The findings' messages about a row with one field ``a`` of an annotation."""

    def judged(annotation: str, columns: list[Column]) -> list[str]:
        code = f"{CLASSES}@dataclass\nclass Row:\n    a: {annotation}\n"
        (tmp_path / "m.py").write_text(f'{code}async def f(db: assay.Pool): await db.fetch_all(Row, "select")\n')
        discovery = discover(tmp_path, [tmp_path])
        query = read_query(discovery.calls[0])
        assert isinstance(query, Query)
        with Modules(discovery.project) as modules:
            verdict = judge(
                query, Description(RowBound.MANY, (), tuple(columns)), Expressions(discovery.project, modules)
            )
        return [f"{found.message} [{found.because[0] if found.because else ''}]" for found in verdict.findings]

    return judged


AUTHOR = [column("a.id", "author"), column("a.nick", "author", "author.nick has no NOT NULL constraint")]
TEAM = [column("a.team.id", "team"), column("a.team.name", "team")]


def test_a_row_that_may_be_missing_is_optional(found: Findings) -> None:
    assert found("Author | None", [*AUTHOR, *TEAM]) == []


def test_a_row_that_may_be_missing_must_be_optional(found: Findings) -> None:
    assert found("Author", [*AUTHOR, *TEAM]) == [
        'columns "a.…" may all be NULL, Row.a is Author [an outer join may find no row of author]'
    ]


def test_a_row_that_is_always_there_may_be_optional_all_the_same(found: Findings) -> None:
    there = [column("a.id"), column("a.nick"), *TEAM]
    assert found("Author", there) == []
    assert found("Author | None", there) == []


def test_a_column_may_be_null_in_a_row_that_is_found(found: Findings) -> None:
    nick = column("a.nick", "author", "author.nick has no NOT NULL constraint")
    assert found("Mixed | None", [column("a.id", "author"), nick]) == [
        'column "nick" may be NULL, Mixed.nick is str [author.nick has no NOT NULL constraint]'
    ]


def test_a_row_inside_a_row_is_missing_by_itself(found: Findings) -> None:
    there = [column("a.id"), column("a.nick"), *TEAM]
    assert found("Fixed", there) == [
        'columns "team.…" may all be NULL, Fixed.team is Team [an outer join may find no row of team]'
    ]


def test_a_row_inside_a_row_that_is_missing_with_it_need_not_be_optional(found: Findings) -> None:
    together = [column("a.id", "s"), column("a.nick", "s"), column("a.team.id", "s"), column("a.team.name", "s")]
    assert found("Fixed | None", together) == []
    assert found("Fixed", together) == [
        'columns "a.…" may all be NULL, Row.a is Fixed [an outer join may find no row of s]'
    ]


def test_columns_of_two_rows_that_may_be_missing_make_no_row(found: Findings) -> None:
    assert found("Mixed | None", [column("a.id", "author"), column("a.nick", "team")]) == [
        'column "id" may be NULL, Mixed.id is int [an outer join may find no row of author]',
        'column "nick" may be NULL, Mixed.nick is str [an outer join may find no row of team]',
    ]


def test_a_value_that_is_always_there_makes_the_row_one_that_always_is(found: Findings) -> None:
    assert found("Mixed | None", [column("a.id", "author"), column("a.nick")]) == [
        'column "id" may be NULL, Mixed.id is int [an outer join may find no row of author]'
    ]


def test_a_row_that_is_missing_wherever_the_one_around_is_is_told_by_itself(found: Findings) -> None:
    inside = [column("a.id", "p"), column("a.nick", "p"), column("a.team.id", "p t"), column("a.team.name", "p t")]
    assert found("Fixed | None", inside) == [
        'columns "team.…" may all be NULL, Fixed.team is Team [an outer join may find no row of t]'
    ]
    assert found("Fixed", inside) == [
        'columns "a.…" may all be NULL, Row.a is Fixed [an outer join may find no row of p]',
        'columns "team.…" may all be NULL, Fixed.team is Team [an outer join may find no row of t]',
    ]


def test_a_column_of_a_further_row_is_null_in_a_row_that_is_found(found: Findings) -> None:
    assert found("Mixed | None", [column("a.id", "p"), column("a.nick", "p t")]) == [
        'column "nick" may be NULL, Mixed.nick is str [an outer join may find no row of t]'
    ]


def test_fields_that_take_none_do_not_decide(found: Findings) -> None:
    assert found("Author | None", [column("a.id", "author"), column("a.nick"), *TEAM]) == []


def test_a_row_of_nothing_but_fields_that_take_none(found: Findings) -> None:
    both = [column("a.id", "author"), column("a.nick", "author")]
    assert found("Loose | None", both) == []
    assert found("Loose", both) == [
        'columns "a.…" may all be NULL, Row.a is Loose [an outer join may find no row of author]'
    ]
    assert found("Loose", [column("a.id", "author"), column("a.nick", "team")]) == []


def test_a_column_outside_of_nested_rows_is_null_like_any_other(found: Findings) -> None:
    assert found("int", [column("a", "author")]) == [
        'column "a" may be NULL, Row.a is int [an outer join may find no row of author]'
    ]
