"""``assay schema lint`` as a person runs it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import MIGRATIONS, Project, make_project

from assay.config import DatabaseUrl, Settings, load_settings
from assay.schema.advice.advice import Request, advise, closing_line
from assay.schema.advice.report import to_text

BACKENDS = Path(__file__).parents[2] / "backends"
TOLD = """\
migrations/20250101000002_person.sql:7:5 SCH103 foreign key person_team_id_fkey of public.person (team_id) has no index
  because for each row of public.team that is deleted, or gets another key, all of public.person is read
  fix: create index concurrently on public.person (team_id);
"""
INDEX = "create index on person (team_id);\n"


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """A project with one thing wrong with its schema."""
    return made(tmp_path, server_18)


def made(folder: Path, server: DatabaseUrl) -> Project:
    project = make_project(folder, server)
    project.replace("migrations/20250101000002_person.sql", "    team_id", "    -- which\n    team_id")
    return project


def lint(project: Project, *options: str):
    return project.run("schema", "lint", "--server", project.server.reveal(), *options)


def test_a_finding_is_told_with_its_place_and_the_sql(tmp_path: Path, server: DatabaseUrl) -> None:
    project = made(tmp_path, server)
    project.replace("migrations/20250101000002_person.sql", "    -- which\n", "")
    done = lint(project)
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith(TOLD)
    assert done.lines[-1].startswith("Looked at 2 tables with 3 indexes: 1 finding, in ")


def test_what_is_mended_is_no_finding(project: Project) -> None:
    project.write("migrations/20250101000003_index.sql", INDEX)
    done = lint(project)
    assert (done.code, len(done.lines)) == (0, 1)
    assert done.lines[0].startswith("Looked at 2 tables with 4 indexes: 0 findings, in ")


def test_an_exception_needs_a_reason(project: Project) -> None:
    name = "migrations/20250101000002_person.sql"
    project.replace(name, "-- which", "-- assay: ignore[SCH103]")
    done = lint(project)
    assert (done.code, [line.split()[1] for line in done.lines if line.startswith("migrations")]) == (1, ["SCH901"])
    project.replace(name, "-- assay: ignore[SCH103]", "-- assay: ignore[SCH103] teams are never deleted")
    done = lint(project)
    assert (done.code, ": 0 findings, 1 ignored, in " in done.lines[-1]) == (0, True)


def test_json_has_everything(project: Project) -> None:
    done = lint(project, "--output-format", "json")
    assert done.code == 1
    assert set(done.json) == {"findings", "ignored", "tables", "indexes", "notes", "seconds"}
    (finding,) = done.json["findings"]
    assert {name: finding[name] for name in ("code", "rule", "object", "path", "line", "column", "sql")} == {
        "code": "SCH103",
        "rule": "unindexed-foreign-key",
        "object": "public.person.person_team_id_fkey",
        "path": "migrations/20250101000002_person.sql",
        "line": 8,
        "column": 5,
        "sql": ["create index concurrently on public.person (team_id);"],
    }


def test_github_has_a_command_for_each(project: Project) -> None:
    done = lint(project, "--output-format", "github")
    assert done.lines[0].startswith(
        "::error file=migrations/20250101000002_person.sql,line=8,col=5,title=SCH103 unindexed-foreign-key::foreign key "
    )


def test_a_live_database_is_looked_at_as_it_is(project: Project, cleared: DatabaseUrl) -> None:
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        for text in (*MIGRATIONS.values(), INDEX, "create index by_hand on person (team_id)"):
            driver.execute(text.encode())
        driver.execute("alter type mood add value 'angry'")
    done = lint(project, "-D", cleared.reveal())
    lacks = """type public.mood has "angry", which Literal['happy', 'sad'] lacks"""
    assert [line for line in done.lines if not line.startswith(" ")][:-1] == [
        f"migrations/20250101000001_mood.sql:1:1 SCH501 {lacks}",
        "public.by_hand SCH101 index public.by_hand does nothing that public.person_team_id_idx does not do",
    ]


def test_one_rule_can_be_looked_for_alone(project: Project) -> None:
    assert lint(project, "--only", "SCH201").code == 0
    assert lint(project, "--only", "sch103", "--only", "null").code == 2
    assert lint(project, "--only", "SCH103", "--only", "unused-index").code == 1
    assert 'There is no rule "SCH109"; did you mean SCH10' in lint(project, "--only", "SCH109").err
    assert lint(project, "--only", "SCH103", "--all").code == 2


def test_code_that_cannot_be_imported_does_not_keep_the_schema_from_being_looked_at(project: Project) -> None:
    project.replace("src/app/models.py", "from dataclasses import dataclass", "import nowhere")
    done = lint(project)
    assert (done.code, done.out.count("SCH103")) == (1, 1)


@pytest.mark.parametrize(
    "settings",
    ['SCH101 = "all"', 'SCH101 = { "public.t" = 1 }', 'SCH101 = ["public.t"]'],
    ids=["text", "number", "list"],
)
def test_exceptions_that_cannot_be_read_are_told(project: Project, settings: str) -> None:
    project.write("pyproject.toml", f"[tool.assay.schema-lint-ignore]\n{settings}\n")
    done = lint(project)
    assert (done.code, "schema-lint-ignore] SCH101 must name objects and why" in done.err) == (2, True)


def lines_aside(shown: list[str]) -> list[str]:
    """Without the numbers of lines, which a comment in the backend's migration moves."""
    return [re.sub(r"(\.sql):\d+:", r"\1:", line) for line in shown]


def test_the_page_shows_what_is_printed(server_18: DatabaseUrl) -> None:
    page = (BACKENDS.parent / "docs" / "schema-lint.md").read_text()
    (shown,) = re.findall(r"^\$ assay schema lint\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    report = advise(unexcused("realitycam"), Request(server=server_18))
    assert lines_aside(shown.splitlines()[:-1]) == lines_aside(list(to_text(report))[:-1])
    assert shown.splitlines()[-1].rpartition(",")[0] == closing_line(report).rpartition(",")[0]


def unexcused(folder: str) -> Settings:
    """A backend's settings, less the exceptions that it makes."""
    return replace(load_settings(BACKENDS / folder, {}), schema_lint_ignore={})


KNOWN = {"realitycam": ["SCH101 public.idx_devices_attestation_key"], "basic_api": ["SCH101 public.idx_users_email"]}
"""What the pages of these backends ask for, though it is redundant."""


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in BACKENDS.glob("*/migrations")))
def test_backends_have_the_indexes_that_were_asked_for_and_nothing_else(folder: str, server_18: DatabaseUrl) -> None:
    report = advise(unexcused(folder), Request(server=server_18))
    assert [f"{each.code} {each.subject.label}" for each in report.findings] == KNOWN.get(folder, [])
    assert report.notes == ()


@pytest.mark.parametrize("folder", KNOWN)
def test_backends_say_why_they_have_indexes_that_are_redundant(folder: str, server_18: DatabaseUrl) -> None:
    report = advise(load_settings(BACKENDS / folder, {}), Request(server=server_18))
    assert (report.findings, report.ignored) == ((), len(KNOWN[folder]))
