"""Lists of values that the schema and the code both have, found through the rows of the code's queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay.config import DatabaseUrl, load_settings
from assay.schema.advice.advice import Request, advise

SCHEMA = """
create type mood as enum ('happy', 'sad');
create domain feeling as mood;
create table person (
    id integer primary key,
    mood mood not null,
    moods mood[] not null default '{}',
    feeling feeling,
    level text not null check (level in ('low', 'high')),
    stage text check (stage = any (array['low', 'mid'])),
    note text
);
"""
HEAD = """
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import assay


class Mood(StrEnum):
    HAPPY = "happy"
    SAD = "sad"


class More(StrEnum):
    HAPPY = "happy"
    SAD = "sad"
    ANGRY = "angry"


class Less(StrEnum):
    HAPPY = "happy"


"""
QUERY = """
async def query(db: assay.Executor) -> object:
    return await db.fetch_all({row}, "select {columns} from person")
"""


def drift(folder: Path, server: DatabaseUrl, row: str, columns: str, more: str = "") -> list[str]:
    """What is said of a query: code, message and what to do."""
    (folder / "pyproject.toml").write_text("[tool.assay]\n")
    (folder / "migrations").mkdir()
    (folder / "migrations" / "1_schema.sql").write_text(SCHEMA)
    (folder / "app.py").write_text(f"{HEAD}{more}\n{QUERY.format(row=row, columns=columns)}")
    report = advise(load_settings(folder, {}), Request(server=server))
    assert report.notes == ()
    return [f"{found.code} {found.message}: {found.fix}" for found in report.findings]


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ("Mood", "mood"),
        ("list[Mood]", "moods"),
        ("Mood | None", "feeling"),
        ("tuple[int, Literal['happy', 'sad']]", "id, mood"),
        ("str", "mood"),
        ("str", "level"),
        ("Literal['low', 'high']", "level"),
        ("Literal['low', 'mid'] | None", "stage"),
    ],
)
def test_lists_that_are_the_same_do_not_differ(tmp_path: Path, server_18: DatabaseUrl, row: str, columns: str) -> None:
    assert drift(tmp_path, server_18, row, columns) == []


@pytest.mark.parametrize(
    ("row", "columns"),
    [("More", "mood"), ("list[More]", "moods"), ("More | None", "feeling"), ("tuple[int, More]", "id, mood")],
)
def test_a_value_that_the_type_lacks_is_added_to_it(
    tmp_path: Path, server_18: DatabaseUrl, row: str, columns: str
) -> None:
    assert drift(tmp_path, server_18, row, columns) == [
        "SCH501 type public.mood lacks \"angry\", which More has: alter type public.mood add value 'angry';"
    ]


def test_a_value_that_the_class_lacks_is_added_there(tmp_path: Path, server_18: DatabaseUrl) -> None:
    more = "@dataclass\nclass Row:\n    id: int\n    mood: Less\n    again: Less\n"
    assert drift(tmp_path, server_18, "Row", "id, mood, mood as again", more) == [
        'SCH501 type public.mood has "sad", which Less lacks: add "sad" to Less'
    ]


def test_a_check_is_made_wider_or_the_list_is(tmp_path: Path, server_18: DatabaseUrl) -> None:
    lacking, surplus = drift(tmp_path, server_18, "Literal['low', 'top']", "level")
    assert lacking == (
        "SCH502 the CHECK on public.person.level allows \"high\", which Literal['low', 'top'] lacks: "
        "add \"high\" to Literal['low', 'top']"
    )
    assert surplus == (
        "SCH502 the CHECK on public.person.level does not allow \"top\", which Literal['low', 'top'] has: "
        "alter table public.person drop constraint person_level_check, add constraint person_level_check "
        "check (level in ('low', 'high', 'top')) not valid; "
        "alter table public.person validate constraint person_level_check;"
    )


def test_a_list_that_serves_two_columns_may_have_the_values_of_both(tmp_path: Path, server_18: DatabaseUrl) -> None:
    both = "Level = Literal['low', 'mid', 'high']\n"
    assert drift(tmp_path, server_18, "tuple[Level, Level | None]", "level, stage", both) == []


def test_a_column_that_nothing_limits_is_no_list(tmp_path: Path, server_18: DatabaseUrl) -> None:
    assert drift(tmp_path, server_18, "Literal['a'] | None", "note") == []


def test_a_nested_row_is_looked_into(tmp_path: Path, server_18: DatabaseUrl) -> None:
    more = "@dataclass\nclass Inner:\n    mood: More\n\n@dataclass\nclass Row:\n    id: int\n    inner: Inner\n"
    (found,) = drift(tmp_path, server_18, "Row", 'id, mood as \\"inner.mood\\"', more)
    assert found.startswith('SCH501 type public.mood lacks "angry", which More has')
