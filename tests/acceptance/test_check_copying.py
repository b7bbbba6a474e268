"""``assay check`` compares the rows that are copied into a table with its columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from assay.config import DatabaseUrl, load_settings
from assay.proof.project import check
from assay.proof.report import finding_lines

Judge = Callable[[str], tuple[list[str], int, int]]

SCHEMA = """
create schema audit;
create table audit.event (
    id int generated always as identity primary key, name text not null, at timestamptz, size int not null default 0,
    twice int generated always as (size * 2) stored
);
"""
MODULE = """\
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
import assay

@dataclass
class Event:
    name: str
    at: datetime | None

@dataclass
class Wrong:
    nam: str
    at: str
    size: int | None

async def f(db: assay.Executor, events: list[Event], later: AsyncIterator[Event], wrong: Iterable[Wrong],
            tuples: list[tuple[str, int]], maps: list[dict[str, int]], plain) -> None:
"""


@pytest.fixture
def judged(tmp_path: Path, server_18: DatabaseUrl) -> Judge:
    def judge(call: str) -> tuple[list[str], int, int]:
        (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
        (tmp_path / "migrations").mkdir(exist_ok=True)
        (tmp_path / "migrations" / "1_schema.sql").write_text(SCHEMA)
        (tmp_path / "copies.py").write_text(f"{MODULE}    await db.{call}\n")
        report = check(load_settings(tmp_path, {}), server_18).report
        lines = [next(iter(finding_lines(found))).partition(" ")[2] for found in report.findings]
        return lines, len(report.unverified), report.proved

    return judge


@pytest.mark.parametrize(
    "call",
    [
        'copy_in("audit.event", events)',
        'copy_in(\'"audit"."event"\', later)',
        'copy_in("audit.event", events, columns=["name"])',
        'copy_in("audit.event", tuples, columns=("name", "size"))',
    ],
)
def test_rows_that_fit_are_proved(judged: Judge, call: str) -> None:
    assert judged(call) == ([], 0, 1)


def test_fields_that_do_not_fit_are_told(judged: Judge) -> None:
    lines, _, proved = judged('copy_in("audit.event", wrong)')
    assert lines == [
        'ASY301 the table has no column "nam" for Wrong.nam',
        'ASY302 column "at" is timestamptz, Wrong.at is str',
        'ASY303 column "size" must not be NULL, Wrong.size may be None: it is int | None',
        "ASY502 copy_in leaves out audit.event.name",
    ]
    assert proved == 0


def test_tuples_that_do_not_fit_are_told(judged: Judge) -> None:
    lines, _, _ = judged('copy_in("audit.event", tuples, columns=["size", "name"])')
    assert lines == [
        'ASY302 column "size" is int4, element 1 of each row is str',
        'ASY302 column "name" is text, element 2 of each row is int',
    ]


def test_table_that_is_missing_is_told(judged: Judge) -> None:
    assert judged('copy_in("event", events)')[0] == ['ASY101 relation "event" does not exist']


def test_what_is_no_name_of_a_table_is_told(judged: Judge) -> None:
    (line,), _, _ = judged('copy_in("audit.event; drop table x", events)')
    assert line == "ASY102 the SQL of copy_in is not a constant"


@pytest.mark.parametrize(
    "call",
    [
        'copy_in("audit.event", plain)',
        'copy_in("audit.event", tuples)',
        'copy_in("audit.event", maps)',
        'copy_in("audit.event", tuples, columns=plain)',
        'copy_in("audit.event", events, columns=["name", "size"])',
    ],
)
def test_rows_of_which_nothing_is_known_are_unverified(judged: Judge, call: str) -> None:
    lines, unverified, _ = judged(call)
    assert (lines, unverified) == ([], 1)
