"""``assay schema docs`` as a person runs it."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

SCHEMA = """
create schema audit;
create type mood as enum ('happy', 'sad');
comment on type mood is 'How people are.';
create table team (id integer primary key, name text not null unique);
create table person (
    id bigint generated always as identity primary key,
    team_id integer references team on delete cascade,
    mood mood not null default 'happy',
    twice integer generated always as (age * 2) stored,
    age integer check (age > 0)
);
comment on table person is 'Who is in a team.';
comment on column person.age is 'In years.';
create index person_age on person (age) where age > 18;
comment on index person_age is 'For the grown.';
create table audit.event (id bigint, at timestamptz, primary key (id, at)) partition by range (at);
create table audit.event_2024 partition of audit.event for values from ('2024-01-01') to ('2025-01-01');
create view grown as select id, age from person where age > 18;
create function told() returns trigger language plpgsql as 'begin return new; end';
comment on function told() is 'Tells nobody.';
create trigger person_told before insert on person for each row execute function told();
alter table person enable row level security;
create policy own on person for select using (age > 1);
"""


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def docs(project: Project, assay_home: Path):
    """Runs the command on what the project's migrations build."""
    return lambda *options: project.run("schema", "docs", *options, ASSAY_HOME=str(assay_home))


def test_a_site_is_written_with_the_queries_of_the_code(docs, project: Project) -> None:
    done = docs("-o", "site", "--title", "People")
    assert (done.code, done.err) == (0, "")
    assert done.out == "site written: 5 pages, 2 tables and views, 4 queries\n".replace("5", "6")
    page = (project.root / "site" / "tables" / "person.html").read_text()
    assert "<title>person · People</title>" in page
    line = project.place("src/app/queries.py", "db.fetch_all(\n        Member").split(":")[1]
    assert f"src/app/queries.py:{line}</code>" in page
    assert '<span class="s-keyword">left</span> <span class="s-keyword">join</span> team t' in page
    assert '<span class="badge writes">writes</span>' in page
    assert (project.root / "site" / "queries.html").exists()


def test_the_same_schema_gives_the_same_bytes(docs, project: Project) -> None:
    docs("-o", "site")
    docs("-o", "other")
    site, other = project.root / "site", project.root / "other"
    files = {path.relative_to(site): path.read_bytes() for path in site.rglob("*") if path.is_file()}
    assert files == {path.relative_to(other): path.read_bytes() for path in other.rglob("*") if path.is_file()}
    assert docs("-o", "site").out.startswith("site is as it was: ")


def test_check_tells_whether_it_is_up_to_date(docs, project: Project) -> None:
    assert docs("-o", "site", "--check").code == 1
    assert not (project.root / "site").exists()
    docs("-o", "site")
    done = docs("-o", "site", "--check")
    assert (done.code, done.out) == (0, "site is up to date\n")
    project.write("migrations/20250101000003_more.sql", "create table extra (id int primary key);\n")
    done = docs("-o", "site", "--check")
    assert (done.code, done.out) == (1, "site is not up to date: write it with assay schema docs\n")


def test_a_folder_of_somebody_else_is_refused(docs, project: Project) -> None:
    done = docs("-o", "src")
    assert done.code == 2
    assert "holds files that assay schema docs did not write" in done.err
    assert (project.root / "src" / "app" / "models.py").exists()


def test_queries_can_be_left_out_and_are_where_they_cannot_be_read(docs, project: Project) -> None:
    assert "0 queries" in docs("-o", "site", "--no-queries").out
    project.replace("src/app/queries.py", '"select count(*) from person"', '"select count(*) from nobody"')
    done = docs("-o", "site")
    assert "3 queries" in done.out
    assert done.err == "warning: One query of the code is left out, for assay check cannot prove what they use\n"


def test_json_has_files_and_tables(docs) -> None:
    found = docs("-o", "site", "--output-format", "json").json
    assert found["tables"] == ["person", "team"]
    assert found["files"][:5] == [
        "assets/erd.css", "assets/search-index.js", "assets/site.css", "assets/site.js", "assets/theme.js",
    ]  # fmt: skip
    assert (found["types"], found["functions"], found["queries"], found["changed"]) == (1, 0, 4, True)
    assert docs("-o", "site", "--output-format", "json").json["changed"] is False


def test_everything_there_is_to_say_is_said(tmp_path: Path, database: DatabaseUrl) -> None:
    with psycopg.connect(database.reveal(), autocommit=True) as driver:
        driver.execute(SCHEMA.encode())
    project = Project(tmp_path, database)
    project.write("pyproject.toml", "[tool.assay]\n")
    done = project.run("schema", "docs", "-o", "site", "-D", database.reveal())
    assert (done.code, done.err) == (0, "")
    person = (tmp_path / "site" / "tables" / "person.html").read_text()
    for words in (
        "Who is in a team.", "In years.", "For the grown.", "on delete cascade", "identity, always", "generated, stored: ",
        'href="../tables/team.html"', 'href="../tables/grown.html"', "person_told", "person_age_check", "POLICY",
        '<span class="s-string">&#x27;happy&#x27;</span>::mood', "row security", "person_pkey",
    ):  # fmt: skip
        assert words in person, words
    assert '<a href="../types.html#mood"><code>mood</code></a>' in person
    grown = (tmp_path / "site" / "tables" / "grown.html").read_text()
    assert "Made of" in grown
    assert 'href="../tables/person.html"' in grown
    event = (tmp_path / "site" / "tables" / "audit_event.html").read_text()
    assert "audit.event_2024" in event
    assert "RANGE (at)" in event
    assert "How people are." in (tmp_path / "site" / "types.html").read_text()
    assert 'href="tables/person.html"' in (tmp_path / "site" / "types.html").read_text()
    assert "Tells nobody." in (tmp_path / "site" / "functions.html").read_text()
    index = (tmp_path / "site" / "assets" / "search-index.js").read_text()
    assert '["age","column","person","tables/person.html#column-5"]' in index
