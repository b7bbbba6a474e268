"""``assay prepare``, and checks from what it wrote, without a server."""

from __future__ import annotations

import json
import stat
from hashlib import sha256
from pathlib import Path

import pytest
from tests.fixtures.projects import Project, Run, make_project

from assay.config import DatabaseUrl

COUNT = "select count(*) from person"
COUNT_FILE = f"query-{sha256(COUNT.encode()).hexdigest()}.json"


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def prepared(project: Project) -> Project:
    assert prepare(project).code == 0
    return project


def prepare(project: Project, *arguments: str) -> Run:
    return project.run("prepare", "--database-url", project.server.reveal(), *arguments)


def offline(project: Project, *arguments: str) -> Run:
    """A check with no server to reach: the URL leads nowhere, and there is no home for an embedded one."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    return project.run("check", *arguments, ASSAY_OFFLINE="true", DATABASE_URL=nowhere, ASSAY_HOME="/dev/null/none")


def files(project: Project) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((project.root / ".assay").iterdir())}


def queries(project: Project) -> set[str]:
    return files(project).keys() - {"read-only.json"}


def test_one_file_a_query_named_by_its_hash(project: Project) -> None:
    done = prepare(project)
    assert (done.code, done.err) == (0, "")
    assert len(queries(project)) == 4
    assert done.lines[:-1] == [f"wrote .assay/{name}" for name in files(project)]
    assert done.lines[-1].startswith("Prepared 4 queries, 4 new or changed, in ")
    path = project.root / ".assay" / COUNT_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    content = json.loads(path.read_text())
    assert content["sql"] == COUNT
    assert content["server"].startswith("18.")
    assert len(content["migrations"]) == 64
    assert content["description"]["columns"][0]["reason"]
    assert path.read_text() == json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_statements_that_replicas_may_answer_are_in_one_list(project: Project) -> None:
    project.replace("src/app/queries.py", COUNT, "select count(*) from person where name = :name")
    project.replace("src/app/queries.py", 'name = :name"', 'name = :name", name="Ann"')
    assert prepare(project).code == 0
    content = json.loads(files(project)["read-only.json"])
    entries = [json.loads(files(project)[name]) for name in queries(project)]
    assert content["migrations"] == entries[0]["migrations"]
    read_only = [entry["sql"].replace(":name", "$1") for entry in entries if entry["description"]["read_only"]]
    assert len(read_only) == 3
    assert content["read_only"] == sorted(sha256(text.encode()).hexdigest() for text in read_only)


def test_a_list_for_other_migrations_is_changed(prepared: Project) -> None:
    content = json.loads(files(prepared)["read-only.json"])
    prepared.write("migrations/20250101000003_more.sql", "create table more (id integer);\n")
    assert "changed .assay/read-only.json" in prepare(prepared, "--check").lines
    assert prepare(prepared).code == 0
    assert json.loads(files(prepared)["read-only.json"])["migrations"] != content["migrations"]


def test_a_second_run_writes_nothing(prepared: Project) -> None:
    before = {path: path.stat().st_mtime_ns for path in (prepared.root / ".assay").iterdir()}
    done = prepare(prepared)
    assert done.lines[0].startswith("Prepared 4 queries, 0 new or changed, in ")
    assert {path: path.stat().st_mtime_ns for path in (prepared.root / ".assay").iterdir()} == before


def test_files_of_queries_that_are_gone_are_removed(prepared: Project) -> None:
    prepared.replace("src/app/queries.py", COUNT, "select count(name) from person")
    done = prepare(prepared)
    assert f"removed .assay/{COUNT_FILE}" in done.lines
    assert len(queries(prepared)) == 4


def test_nothing_is_removed_while_a_file_of_code_cannot_be_read(prepared: Project) -> None:
    prepared.write("src/app/queries.py", "def f(:\n")
    done = prepare(prepared)
    assert done.code == 1
    assert "ASY103" in done.out
    assert len(queries(prepared)) == 4


def test_a_refused_statement_fails_and_the_others_are_kept(project: Project) -> None:
    project.replace("src/app/queries.py", COUNT, "select count(*) from persons")
    done = prepare(project)
    assert done.code == 1
    assert done.lines[0] == (
        f'{project.place("src/app/queries.py", "persons")} ASY101 relation "persons" does not exist'
    )
    assert len(queries(project)) == 3


def test_check_passes_when_all_is_there(prepared: Project) -> None:
    done = prepare(prepared, "--check")
    assert (done.code, done.out.partition(":")[0]) == (0, "The offline cache is up to date")


def test_check_names_what_is_missing_changed_and_orphaned(prepared: Project) -> None:
    missing, changed = sorted(set(files(prepared)) - {COUNT_FILE})[:2]
    (prepared.root / ".assay" / missing).unlink()
    prepared.write(f".assay/{changed}", files(prepared)[changed].decode().replace("person", "persan"))
    prepared.replace("src/app/queries.py", f'"{COUNT}"', '"select 1"')
    before = files(prepared)
    done = prepare(prepared, "--check")
    new = f"query-{sha256(b'select 1').hexdigest()}.json"
    assert done.code == 1
    assert [line.partition(" (src/app/queries.py:")[0] for line in done.lines] == [
        *(f"missing .assay/{name}" for name in sorted((missing, new))),
        f"changed .assay/{changed}",
        "changed .assay/read-only.json",
        f"orphaned .assay/{COUNT_FILE}",
        "The offline cache is not up to date; run assay prepare and commit the .assay folder",
    ]
    assert files(prepared) == before
    found = prepare(prepared, "--check", "--output-format", "json").json
    assert (found["changed"], found["orphaned"]) == ([changed, "read-only.json"], [COUNT_FILE])


def test_check_tells_where_the_query_of_a_file_stands(prepared: Project) -> None:
    prepared.write(
        "src/app/again.py", f'import assay\n\nasync def f(db: assay.Pool): await db.fetch_one(int, "{COUNT}")\n'
    )
    (prepared.root / ".assay" / COUNT_FILE).unlink()
    assert prepare(prepared, "--check").lines[0] == f"missing .assay/{COUNT_FILE} (src/app/again.py:3)"
    places = prepare(prepared, "--check", "--output-format", "json").json["places"]
    assert places == {COUNT_FILE: {"path": "src/app/again.py", "line": 3, "column": 36}}
    (prepared.root / "src/app/again.py").unlink()
    path, line, _ = prepared.place("src/app/queries.py", "db.fetch_one").split(":")
    assert prepare(prepared, "--check").lines[0] == f"missing .assay/{COUNT_FILE} ({path}:{line})"


def test_another_minor_version_of_the_server_changes_nothing(prepared: Project) -> None:
    content = files(prepared)[COUNT_FILE].decode()
    version = json.loads(content)["server"]
    prepared.write(f".assay/{COUNT_FILE}", content.replace(f'"{version}"', '"18.99"'))
    assert prepare(prepared, "--check").code == 0
    prepared.write(f".assay/{COUNT_FILE}", content.replace(f'"{version}"', '"17.6"'))
    assert prepare(prepared, "--check").code == 1


def test_offline_every_query_is_proved_from_the_files(prepared: Project) -> None:
    done = offline(prepared, "--strict")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Proved 4 of 4 queries against the offline cache of PostgreSQL 18.")
    assert ", 2 migrations, in " in done.out


def test_offline_the_types_are_compared_as_online(prepared: Project) -> None:
    prepared.replace("src/app/models.py", 'Literal["happy", "sad"]', 'Literal["happy"]')
    done = offline(prepared)
    assert done.code == 1
    assert done.lines[:3] == prepared.check().lines[:3]
    assert "Literal['happy'] lacks 'sad'" in done.out


def test_offline_a_query_that_is_not_kept_fails_by_name(prepared: Project) -> None:
    prepared.replace("src/app/queries.py", COUNT, "select count(name) from person")
    done = offline(prepared)
    name = sha256(b"select count(name) from person").hexdigest()
    assert done.code == 1
    assert done.lines[:3] == [
        f"{prepared.place('src/app/queries.py', 'db.fetch_one')} ASY901 the query is not in the offline cache",
        f"  because there is no .assay/query-{name}.json",
        "  fix: run assay prepare and commit the .assay folder",
    ]
    assert done.lines[3].startswith("Proved 3 of 4 queries ")


def test_offline_other_migrations_make_every_answer_stale(prepared: Project) -> None:
    prepared.write("migrations/20250101000003_more.sql", "create table more (id integer);\n")
    done = offline(prepared)
    assert done.code == 1
    assert [line.split()[1] for line in done.lines if " ASY" in line] == ["ASY902"] * 4
    assert f"  because .assay/{COUNT_FILE} was written for other migrations" in done.lines


def test_offline_a_damaged_file_is_a_failed_run(prepared: Project) -> None:
    prepared.write(f".assay/{COUNT_FILE}", "{}")
    done = offline(prepared)
    assert done.code == 2
    assert COUNT_FILE in done.err
    assert "run assay prepare" in done.err
    assert prepare(prepared).code == 0
    assert offline(prepared).code == 0


def test_offline_the_driver_is_not_loaded(prepared: Project) -> None:
    program = "import sys; sys.modules['asyncpg'] = None; from assay.cli import main; sys.argv[1:] = ['check']; main()"
    done = prepared.python("-c", program, ASSAY_OFFLINE="true")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Proved 4 of 4 queries ")
