"""``assay check`` on columns whose values a CHECK constraint lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

MIGRATION = """
create table run (
    id     int primary key,
    status text not null check (status in ('passed', 'failed')),
    size   varchar(5) check (size = 's' or size = 'm'),
    free   text not null
);
create view passed as select id, status from run where status = 'passed';
"""
CODE = """\
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Literal

import assay


class Status(StrEnum):
    PASSED = "passed"
    FAILED = "failed"


class Short(Enum):
    PASSED = "passed"


@dataclass
class Run:
    value: {annotation}


async def runs(db: assay.Executor) -> list[Run]:
    return await db.fetch_all(Run, "select {column} as value from {table}")
"""


@pytest.fixture
def project(tmp_path: Path, server: DatabaseUrl) -> Project:
    """On each server."""
    project = make_project(tmp_path, server)
    project.write("migrations/20250101000003_run.sql", MIGRATION)
    return project


def checked(project: Project, annotation: str, column: str, table: str = "run") -> list[tuple[str, str | None]]:
    """For each finding its reason and its remedy."""
    project.write("src/app/runs.py", CODE.format(annotation=annotation, column=column, table=table))
    done = project.check("src/app/runs.py", "--output-format", "json")
    assert done.code == (1 if done.json["findings"] else 0)
    return [("; ".join(found["because"]), found["fix"]) for found in done.json["findings"]]


@pytest.mark.parametrize(
    "annotation", ["Literal['passed', 'failed']", "Literal['failed', 'passed', 'late']", "Status", "str"]
)
def test_a_field_that_has_all_the_values_holds_the_column(project: Project, annotation: str) -> None:
    assert checked(project, annotation, "status") == []
    assert checked(project, annotation, "status", "passed") == []


def test_a_literal_that_lacks_a_value(project: Project) -> None:
    ((why, fix),) = checked(project, "Literal['passed']", "status")
    assert why == "Literal['passed'] lacks 'failed'"
    assert fix is not None
    assert "Literal['passed', 'failed']" in fix


def test_an_enum_that_lacks_a_value(project: Project) -> None:
    ((why, _),) = checked(project, "Short", "status")
    assert why == "Short lacks 'failed'"


def test_null_is_not_among_the_listed_values(project: Project) -> None:
    assert checked(project, "Literal['s', 'm'] | None", "size") == []
    ((_, fix),) = checked(project, "Literal['s', 'm']", "size")
    assert fix is not None
    assert "Literal['s', 'm'] | None" in fix


def test_a_literal_for_a_column_that_nothing_limits(project: Project) -> None:
    ((why, _),) = checked(project, "Literal['a']", "free")
    assert why == "nothing limits text to the values of Literal['a']: no enum type, no CHECK that lists them"


def test_an_expression_over_a_listed_column_may_be_anything(project: Project) -> None:
    ((why, _),) = checked(project, "Literal['passed', 'failed']", "upper(status)")
    assert why.startswith("nothing limits text ")
