"""``assay migrate plan`` and ``assay migrate lint`` as commands, and docs/migrate-lint.md, which shows them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.cli.migrate_lint import lint
from assay.config import DatabaseUrl
from assay.schema.lint.rules import RULES
from assay.schema.lint.squawk import squawk_program

GUIDE = (Path(__file__).parents[2] / "docs" / "migrate-lint.md").read_text()
FILES = re.findall(r"^```\w+\n(?:--|#) (\S+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^\$ assay (.*)\n((?:(?!\$ |```).*\n)*)", GUIDE, re.MULTILINE)
NEXT = "migrations/20250101000003_next.sql"
LIMITED = "-- lock-timeout: 5s\n-- assay: ignore[MIG201]\n"


@pytest.fixture
def guide(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """The project of the page, with the first two migrations that it shows."""
    project = Project(tmp_path, server_18)
    project.write("pyproject.toml", "[tool.assay]\n")
    for name, text in FILES[:3]:
        project.write(name, text)
    return project


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


def call(project: Project, command: str, *arguments: str) -> Run:
    return project.run("migrate", command, "--server", project.server.reveal(), *arguments)


def without_time(text: str) -> str:
    return re.sub(r"in [0-9.]+ s$", "in N s", text, flags=re.MULTILINE)


@pytest.mark.parametrize(("command", "shown"), COMMANDS, ids=[command.split()[1] for command, _ in COMMANDS])
def test_the_page_shows_what_the_commands_print(guide: Project, command: str, shown: str) -> None:
    _, name, *options = command.split()
    done = call(guide, name, *options)
    assert without_time(done.out) == without_time(shown), done.err
    assert (done.code, done.err) == (1 if name == "lint" else 0, "")


def test_the_safe_way_of_the_page_is_safe(guide: Project) -> None:
    (guide.root / "migrations/2_models.sql").unlink()
    for name, text in FILES[3:]:
        guide.write(name, text)
    done = call(guide, "lint", "--since", "1", "--no-squawk", "--output-format", "json")
    assert {found["code"] for found in done.json["findings"]} == {"MIG201"}
    assert (done.code, done.json["migrations"]) == (0, [2, 3])


def test_the_page_has_every_rule() -> None:
    rows = re.findall(r"^\| \[(MIG\d+)\]\(rules/\1\.md\) \| ([a-z-]+) \| (.*) \|$", GUIDE, re.MULTILINE)
    assert rows == [(rule.code, rule.slug, rule.summary) for rule in RULES.values()]


def test_each_migration_is_told_with_the_queries_that_it_breaks(project: Project) -> None:
    project.write(NEXT, "alter table person rename name to title;\n")
    project.write("migrations/20250101000004_more.sql", "alter table team rename to crew;\n")
    done = call(project, "lint", "--since", "20250101000002", "--no-squawk", "--output-format", "json")
    broken = [found for found in done.json["findings"] if found["code"] == "MIG301"]
    told = {(found["path"], found["message"].partition(" breaks ")[0]) for found in broken}
    assert ("src/app/queries.py", NEXT) in told
    assert ("src/app/queries.py", "migrations/20250101000004_more.sql") in told
    assert all(found["line"] > 1 for found in broken)
    assert done.code == 1
    members = [found for found in broken if found["message"].startswith("migrations/20250101000004")]
    assert ['relation "team" does not exist' in found["message"] for found in members] == [True]


def test_a_change_of_type_is_told_where_the_code_reads_it(project: Project) -> None:
    project.write(NEXT, LIMITED + "alter table person alter level type integer using 1; -- assay: ignore[MIG101]\n")
    done = call(project, "lint", "--no-squawk")
    assert "MIG301 migrations/20250101000003_next.sql breaks this query: " in done.out
    assert re.search(r"Person\.level is str \(ASY204\)|ASY204", done.out)
    assert "MIG101" not in done.out


def test_comments_silence_and_are_counted(project: Project) -> None:
    project.write(
        NEXT,
        f"{LIMITED}alter table person alter nick set default 'x';\n"
        "create index on person (name); -- assay: ignore[MIG103]\n"
        "-- assay: ignore[MIG103]\ncreate index on person (nick);\ncreate index on person (level);\n",
    )
    done = call(project, "lint", "--no-squawk")
    assert [line.split()[:2] for line in done.lines if " MIG" in line] == [[f"{NEXT}:7:1", "MIG103"]], done.out
    assert "1 finding, 0 warnings, 3 ignored" in done.lines[-1]


async def test_the_database_tells_what_is_pending_and_how_large_it_is(
    project: Project, database_18: DatabaseUrl
) -> None:
    url = database_18.reveal()
    assert project.run("migrate", "run", "-D", url).code == 0
    done = call(project, "lint", "-D", url)
    assert (done.code, done.lines) == (0, ["Nothing to look at: every migration is installed"])
    assert call(project, "plan", "-D", url).lines == ["Nothing to apply: every migration is installed"]
    live = await asyncpg.connect(url)
    try:
        await live.execute("insert into team select i, i from generate_series(1, 100) i; analyze team")
        project.write(NEXT, LIMITED + "create index on team (name, id);\n")
        done = call(project, "lint", "-D", url, "--no-squawk")
        assert "MIG103 warning: index public.team_name_id_idx is built while public.team (about 100 rows, " in done.out
        assert done.code == 0
        assert call(project, "lint", "-D", url, "--no-squawk", "--strict").code == 1
        planned = call(project, "plan", "-D", url, "--output-format", "json").json["migrations"]
        (statement,) = planned[0]["statements"]
        assert statement["locks"][0]["mode"] == "SHARE"
        assert statement["locks"][0]["size"]["rows"] == 100
        assert await live.fetchval("select count(*) from _sqlx_migrations") == 2
    finally:
        await live.close()


def test_a_migration_that_cannot_run_ends_the_command_with_2(project: Project) -> None:
    project.write(NEXT, "alter table nobody add x integer;\n")
    for command in ("plan", "lint"):
        done = call(project, command, "--since", "20250101000002")
        assert (done.code, done.out) == (2, "")
        assert f'{NEXT}:1:1: relation "nobody" does not exist' in done.err
    assert "There is no migration 7" in call(project, "lint", "--since", "7").err


def test_findings_are_workflow_commands_from_the_root_of_the_repository(project: Project) -> None:
    project.write(NEXT, LIMITED + "alter table person drop nick;\n")
    done = project.run(
        *("migrate", "lint", "--server", project.server.reveal(), "--no-squawk", "--output-format", "github"),
        GITHUB_WORKSPACE=str(project.root.parent),
    )
    name = project.root.name
    assert f"::error file={name}/{NEXT},line=3,col=1,title=MIG107 destructive::column public.person.nick" in done.out
    assert f"::error file={name}/src/app/queries.py,line=" in done.out
    assert (done.code, done.lines[-1].split(",")[0]) == (
        1,
        "Looked at 1 pending migration with 1 statement: 2 findings",
    )


@pytest.mark.skipif(squawk_program() is None, reason="Squawk is not installed")
def test_squawk_adds_its_rules_and_not_what_is_measured(project: Project) -> None:
    project.write(
        NEXT,
        f"{LIMITED}/* é */ create table note (at timestamp);\n"
        "create table other (at timestamp); -- assay: ignore[prefer-timestamp-tz]\n"
        "create index on person (name);\n",
    )
    done = call(project, "lint", "--squawk", "--output-format", "json")
    codes = [(found["code"], found["severity"], found["line"], found["column"]) for found in done.json["findings"]]
    assert ("MIG103", "error", 5, 1) in codes
    assert [found[1:] for found in codes if "timestamp" in found[0]] == [("warning", 3, 31)]
    assert not [found for found in codes if "concurrent" in found[0] or "timeout" in found[0]]


@pytest.mark.skipif(squawk_program() is None, reason="Squawk is not installed")
def test_squawk_is_not_heard_on_clients_of_tables_that_the_migrations_create(project: Project) -> None:
    project.write(
        NEXT,
        f"{LIMITED}create table note (a varchar(9) not null);\nalter table note rename a to b;\n"
        "alter table note alter b drop not null;\nalter table note rename to notice;\n"
        "alter table person rename nick to byname;\nalter table person alter name drop not null;\n"
        "alter table notice rename b to c;\n",
    )
    project.write("migrations/20250101000004_more.sql", f"{LIMITED}truncate notice cascade;\n")
    done = call(project, "lint", "--since", "20250101000002", "--squawk", "--output-format", "json")
    told = [(found["line"], found["code"]) for found in done.json["findings"] if not found["code"].startswith("MIG")]
    assert told == [(3, "prefer-text-field"), (7, "renaming-column"), (8, "ban-drop-not-null")]


def test_where_squawk_is_missing_a_sentence_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay.cli.migrate_lint import _squawk
    from assay.errors import UsageError

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert _squawk(None) is None
    assert capsys.readouterr().err == "Squawk is not installed, so its rules are not asked: pip install squawk-cli\n"
    with pytest.raises(UsageError, match="pip install squawk-cli"):
        _squawk(True)


def test_the_help_names_every_option_of_the_page() -> None:
    options = {name for parameter in lint.params for name in (*parameter.opts, *parameter.secondary_opts)}
    assert set(re.findall(r"`(--[a-z-]+)", GUIDE)) - {"--against"} <= options
