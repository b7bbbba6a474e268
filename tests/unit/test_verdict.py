"""Verdicts on rows: a hand-made description against a row class in code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.pgtypes.model import PgType
from assay.proof.description import Column, Description, NullUse, Parameter, RowBound
from assay.proof.discover import discover
from assay.proof.expressions import Expressions
from assay.proof.findings import Finding
from assay.proof.modules import Modules
from assay.proof.report import finding_lines
from assay.proof.verdict import Verdict, judge, read_query
from assay.proof.verdict.query import Query

Judge = Callable[[str, Description], Verdict]

HEAD = """\
from __future__ import annotations
import datetime as dt, enum, typing, uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple, NewType, NotRequired, TypedDict
from uuid import UUID
import attrs, msgspec, pydantic
import assay
class Mood(enum.StrEnum):
    HAPPY = "happy"
    SAD = "sad"
@dataclass
class Author:
    id: int
    name: str
@dataclass
class Book:
    id: int
    title: str
    author: Author | None
@dataclass
class Signed(Book):
    author: Author
class Struct(msgspec.Struct):
    id: int
    title: str = ""
@attrs.define
class Attrs:
    id: int
    title: str
class Named(NamedTuple):
    id: int
    title: str
Typed = TypedDict("Typed", {"id": int, "title": NotRequired[str]})
class Model(pydantic.BaseModel):
    id: int
    link: pydantic.HttpUrl
    amount: int
@dataclass
class Plain:
    id: int
    title: str
class Child(Plain):
    pass
@dataclass
class Longer(Plain):
    seen: dt.datetime | None
@dataclass
class Empty:
    pass
async def f(db: assay.Executor, **kw: Any) -> None:
"""
LINE = HEAD.count("\n") + 1

INT4, TEXT, TIME = PgType("int4"), PgType("text"), PgType("timestamptz")
ID = Column("id", INT4, False, "primary key of book")
TITLE = Column("title", TEXT, False, "book.title is NOT NULL")
NICK = Column("nick", TEXT, True, "person.nick has no NOT NULL constraint")
OUTER = "an outer join may find no row of author"


def described(*columns: Column, rows: RowBound = RowBound.MANY, **more: object) -> Description:
    return Description(rows, (), columns, **more)  # type: ignore[arg-type]


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Judge one call, the last line of a module, against a description."""

    def judge_call(call: str, description: Description) -> Verdict:
        (tmp_path / "m.py").write_text(f"{HEAD}    await db.{call}\n")
        discovery = discover(tmp_path, [tmp_path])
        query = read_query(discovery.calls[0])
        assert isinstance(query, Query), query
        with Modules(discovery.project) as modules:
            return judge(query, description, Expressions(discovery.project, modules))

    return judge_call


def codes(verdict: Verdict) -> list[str]:
    return [found.rule.code for found in verdict.findings]


def text(found: Finding) -> str:
    return "\n".join(finding_lines(found))


@pytest.mark.parametrize(
    "row",
    [
        "Plain",
        "Child",
        "Struct",
        "Attrs",
        "Named",
        "Typed",
        "tuple[int, str]",
        "tuple[int | str, ...]",
        "tuple",
    ],
)
def test_every_kind_of_row_class_fits(judged: Judge, row: str) -> None:
    assert codes(judged(f'fetch_all({row}, "q")', described(ID, TITLE))) == []


def test_columns_may_come_in_any_order(judged: Judge) -> None:
    assert codes(judged('fetch_all(Plain, "q")', described(TITLE, ID))) == []


@pytest.mark.parametrize(
    ("row", "column"),
    [
        ("int", ID),
        ("str | None", NICK),
        ("typing.Optional[str]", NICK),
        ("Any", NICK),
        ("Literal['happy', 'sad']", Column("m", PgType("mood", "enum", labels=("happy", "sad")), False, "")),
        ("Mood", Column("m", TEXT, False, "", allowed=("happy", "sad"))),
        ("dict[str, Any]", Column("j", PgType("jsonb"), False, "")),
        ("None", Column("pg_notify", PgType("void", "pseudo"), True, "")),
    ],
)
def test_a_scalar_takes_the_only_column(judged: Judge, row: str, column: Column) -> None:
    assert codes(judged(f'fetch_all({row}, "q")', described(column))) == []


def test_null_in_a_field_without_none(judged: Judge) -> None:
    nullable = Column("title", TEXT, True, "book.title has no NOT NULL constraint")
    (found,) = judged('fetch_all(Plain, "q")', described(ID, nullable)).findings
    assert text(found) == (
        f'm.py:{LINE}:11 ASY203 column "title" may be NULL, Plain.title is str\n'
        "  because book.title has no NOT NULL constraint\n"
        "  fix: annotate it str | None"
    )


def test_null_in_a_scalar(judged: Judge) -> None:
    (found,) = judged('fetch_all(str, "q")', described(NICK)).findings
    assert (found.rule.code, found.message, found.fix) == (
        "ASY203",
        'column "nick" may be NULL, the row is str',
        "ask for str | None",
    )


def test_null_in_a_tuple(judged: Judge) -> None:
    (found,) = judged('fetch_all(tuple[int, str], "q")', described(ID, NICK)).findings
    assert found.message == 'column "nick" may be NULL, element 2 of tuple[int, str] is str'


def test_a_wrong_type_is_one_finding_even_where_null_is_possible(judged: Judge) -> None:
    column = Column("id", PgType("uuid"), True, "x.id has no NOT NULL constraint")
    (found,) = judged('fetch_all(Plain, "q")', described(column, TITLE)).findings
    assert text(found) == (
        f'm.py:{LINE}:11 ASY204 column "id" is uuid, Plain.id is int\n'
        "  because uuid arrives as UUID\n"
        "  because it may be NULL: x.id has no NOT NULL constraint\n"
        "  fix: annotate it UUID | None"
    )


def test_a_column_that_cannot_be_fetched(judged: Judge) -> None:
    (found,) = judged('fetch_all(Any, "q")', described(Column("v", PgType("gtsvector"), True, ""))).findings
    assert (found.rule.code, found.fix) == ("ASY204", "cast it to text, or leave it out")


def test_a_field_without_a_column(judged: Judge) -> None:
    (found,) = judged('fetch_all(Longer, "q")', described(ID, TITLE)).findings
    assert text(found) == (
        f"m.py:{LINE}:11 ASY201 field Longer.seen has no column\n"
        '  because the statement returns "id" and "title"\n'
        "  fix: select it, or remove the field"
    )


def test_a_renamed_column_is_one_finding(judged: Judge) -> None:
    (found,) = judged('fetch_all(Plain, "q")', described(ID, Column("name", TEXT, False, ""))).findings
    assert text(found) == (
        f"m.py:{LINE}:11 ASY201 field Plain.title has no column\n"
        '  because the statement returns "id" and "name"\n'
        '  because Plain has no field for "name"\n'
        '  fix: select "name" as "title", or rename the field'
    )


def test_a_column_without_a_field(judged: Judge) -> None:
    (found,) = judged('fetch_all(Plain, "q")', described(ID, TITLE, NICK)).findings
    assert text(found) == (
        f'm.py:{LINE}:11 ASY202 column "nick" has no field in Plain\n'
        "  because the fields of Plain are id and title\n"
        "  fix: add nick: str | None, or leave the column out"
    )


def test_a_column_for_a_class_without_fields(judged: Judge) -> None:
    (found,) = judged('fetch_all(Empty, "q")', described(ID)).findings
    assert text(found) == (
        f'm.py:{LINE}:11 ASY202 column "id" has no field in Empty\n'
        "  because Empty has no fields\n"
        "  fix: add id: int, or leave the column out"
    )


def test_a_key_that_is_not_required_may_lack_a_column(judged: Judge) -> None:
    assert codes(judged('fetch_all(Typed, "q")', described(ID))) == []
    assert codes(judged('fetch_all(Struct, "q")', described(ID))) == ["ASY201"]


def test_two_columns_of_one_name(judged: Judge) -> None:
    (found,) = judged('fetch_all(Plain, "q")', described(ID, ID, TITLE)).findings
    assert (found.rule.code, found.message) == ("ASY205", '2 columns of the statement are named "id"')
    assert codes(judged('fetch_all(tuple[int, int], "q")', described(ID, ID))) == []


@pytest.mark.parametrize(
    ("row", "message", "fix"),
    [
        (
            "int",
            "the statement returns 2 columns, int takes 1",
            "select 1 column, or change the row to tuple[int, str]",
        ),
        (
            "tuple[int, int, int]",
            "the statement returns 2 columns, tuple[int, int, int] takes 3",
            "select 3 columns, or change the row to tuple[int, str]",
        ),
    ],
)
def test_another_number_of_columns(judged: Judge, row: str, message: str, fix: str) -> None:
    (found,) = judged(f'fetch_all({row}, "q")', described(ID, TITLE)).findings
    assert (found.rule.code, found.message, found.fix) == ("ASY206", message, fix)


def nested(nullable: bool, reason: str) -> Description:
    joined = ("author",) if reason == OUTER else ()
    author = Column("author.id", INT4, nullable, reason, joined=joined)
    return described(ID, TITLE, author, Column("author.name", TEXT, nullable, reason, joined=joined))


def test_a_nested_row_of_an_outer_join_is_optional(judged: Judge) -> None:
    assert codes(judged('fetch_all(Book, "q")', nested(True, OUTER))) == []
    assert codes(judged('fetch_all(Book, "q")', nested(False, "primary key"))) == []


def test_a_nested_row_that_may_be_missing_must_be_optional(judged: Judge) -> None:
    assert codes(judged('fetch_all(Signed, "q")', nested(False, "primary key"))) == []
    (found,) = judged('fetch_all(Signed, "q")', nested(True, OUTER)).findings
    assert text(found) == (
        f'm.py:{LINE}:11 ASY203 columns "author.…" may all be NULL, Signed.author is Author\n'
        "  because an outer join may find no row of author\n"
        "  fix: annotate it Author | None"
    )


def test_null_inside_a_nested_row(judged: Judge) -> None:
    description = described(
        ID, TITLE, Column("author.id", INT4, False, ""), Column("author.name", TEXT, True, "no NOT NULL constraint")
    )
    (found,) = judged('fetch_all(Book, "q")', description).findings
    assert found.message == 'column "name" may be NULL, Author.name is str'


def test_dotted_columns_need_a_row_class(judged: Judge) -> None:
    description = described(ID, Column("title.a", TEXT, False, ""), Column("title.b", TEXT, False, ""))
    (found,) = judged('fetch_all(Plain, "q")', description).findings
    assert (found.rule.code, found.message) == ("ASY204", 'columns "title.…" fill a row class, Plain.title is str')


def test_what_a_validating_class_does_with_its_own_types_is_its_own_affair(judged: Judge) -> None:
    columns = (ID, Column("link", TEXT, False, ""), Column("amount", TEXT, False, ""))
    (found,) = judged('fetch_all(Model, "q")', described(*columns)).findings
    assert found.message == 'column "amount" is text, Model.amount is int'


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("make()", '"make()" is computed while the program runs'),
        ("'Plain'", "it is a string, which names no class when the code runs"),
        ("kw", '"kw" is defined inside a function'),
        ("Nobody", '"Nobody" is not defined'),
        ("list[Nobody]", '"Nobody" is not defined'),
    ],
)
def test_a_row_class_that_cannot_be_made_out(judged: Judge, row: str, why: str) -> None:
    (found,) = judged(f'fetch_all({row}, "q")', described(ID, TITLE)).findings
    assert (found.rule.code, found.place.column) == ("ASY104", 24)
    assert found.because[0].startswith(why)


@pytest.mark.parametrize(
    ("method", "rows", "expected"),
    [
        ("fetch_all", RowBound.MANY, []),
        ("fetch_one", RowBound.ONE, []),
        ("fetch_one", RowBound.OPTIONAL, []),
        ("fetch_one", RowBound.MANY, ["ASY402"]),
        ("fetch_optional", RowBound.OPTIONAL, []),
        ("fetch_optional", RowBound.MANY, ["ASY401"]),
        ("fetch_all", RowBound.NONE, ["ASY403"]),
    ],
)
def test_row_bounds(judged: Judge, method: str, rows: RowBound, expected: list[str]) -> None:
    columns = () if rows is RowBound.NONE else (ID, TITLE)
    assert codes(judged(f'{method}(Plain, "q")', described(*columns, rows=rows))) == expected


def test_execute_may_leave_rows_alone(judged: Judge) -> None:
    assert codes(judged('execute("select 1")', described(ID))) == []
    assert codes(judged('execute("delete from t where a = 1")', described(rows=RowBound.NONE))) == []


def test_an_unfiltered_change_is_a_warning_at_its_first_word(judged: Judge) -> None:
    verdict = judged('execute("  delete from t")', described(rows=RowBound.NONE, unfiltered=True))
    (found,) = verdict.findings
    assert (found.rule.code, found.is_error, found.place.column) == ("ASY501", False, 25)
    assert verdict.proved


def test_what_could_not_be_proven_is_told_where_rows_are_taken(judged: Judge) -> None:
    notes = ("the rewrite rule r of t may change what is returned",)
    assert codes(judged('fetch_all(Plain, "q")', described(ID, TITLE, notes=notes))) == ["ASY105"]
    assert codes(judged('execute("notify a")', described(rows=RowBound.NONE, notes=notes))) == []


def test_a_parameter_of_the_function_is_no_row_class(judged: Judge) -> None:
    (found,) = judged('fetch_all(db, "q")', described(ID)).findings
    assert found.because == (f'"db" is a parameter (line {LINE - 1})',)


def test_params_of_the_description_are_compared_too(judged: Judge) -> None:
    description = Description(RowBound.MANY, (Parameter(INT4, NullUse.ACCEPTED),), (ID, TITLE))
    assert codes(judged('fetch_all(Plain, "select $1", "a")', description)) == ["ASY302"]
