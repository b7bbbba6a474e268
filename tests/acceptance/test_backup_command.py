"""``assay backup`` as a person calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.server.databases import drop_database


@pytest.fixture
async def project(tmp_path: Path, database_18: DatabaseUrl) -> AsyncIterator[Path]:
    connection = await asyncpg.connect(database_18.reveal())
    await connection.execute("create table pets (id int primary key); insert into pets values (1), (2)")
    await connection.close()
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    yield tmp_path
    await drop_database(database_18.with_database(f"{database_18.database}_too"), force=True)


def assay(project: Path, url: DatabaseUrl, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": "/usr/bin:/bin", "DATABASE_URL": url.reveal(), "HOME": str(project)}
    command = [sys.executable, "-m", "assay", "backup", *arguments]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=60)


def created(project: Path, url: DatabaseUrl, *arguments: str) -> str:
    done = assay(project, url, "create", "--output-format", "json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    name: str = json.loads(done.stdout)["id"]
    return name


def test_a_backup_is_made_in_the_folder_backups_and_told_in_two_lines(project: Path, database_18: DatabaseUrl) -> None:
    done = assay(project, database_18, "create")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert first.endswith("2 rows in 1 table")
    assert second.startswith(f"Backed up {database_18.place} to {project}/backups in ")
    listed = assay(project, database_18, "list").stdout.splitlines()
    assert listed[0].startswith(first.split()[0])
    assert "  complete  " in listed[0]
    assert listed[1] == f"1 backup in {project}/backups"


def test_verify_exits_with_1_and_names_the_file_that_a_byte_changed_in(project: Path, database_18: DatabaseUrl) -> None:
    name = created(project, database_18)
    good = assay(project, database_18, "verify")
    assert (good.returncode, good.stderr) == (0, "")
    assert f"{name} is good: 1 file, 1 table, 2 rows, restored in " in good.stdout
    path = project / "backups" / name / "archive.dump"
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    bad = assay(project, database_18, "verify", "--output-format", "json")
    report = json.loads(bad.stdout)
    assert (bad.returncode, report["good"]) == (1, False)
    assert report["differences"][0]["what"] == "archive.dump"


def test_restore_makes_a_new_database_and_refuses_the_one_that_is_there(
    project: Path, database_18: DatabaseUrl
) -> None:
    created(project, database_18)
    refused = assay(project, database_18, "restore")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: {database_18.place} is there; restore into another one, or with --clean")
    done = assay(project, database_18, "restore", "--clean", "--output-format", "json")
    assert json.loads(done.stdout)["replaced"] is True
    name = f"{database_18.database}_too"
    done = assay(project, database_18, "restore", "latest", "--to", name, "--jobs", "2")
    assert done.stdout.endswith(f'to database "{name}" at {database_18.host}: 2 rows\n')


def test_prune_says_what_goes_and_why(project: Path, database_18: DatabaseUrl) -> None:
    old, new = created(project, database_18), created(project, database_18)
    tried = assay(project, database_18, "prune", "--count", "1", "--dry-run")
    assert f"{old}  would go  there are 1 newer ones" in tried.stdout
    report = json.loads(assay(project, database_18, "prune", "--count", "1", "--output-format", "json").stdout)
    assert [(one["id"], one["keep"]) for one in report["backups"]] == [(new, True), (old, False)]
    assert not (project / "backups" / old).exists()


def test_list_exits_with_1_when_a_backup_is_corrupt(project: Path, database_18: DatabaseUrl) -> None:
    name = created(project, database_18)
    (project / "backups" / name / "archive.dump").unlink()
    done = assay(project, database_18, "list")
    assert done.returncode == 1
    assert "archive.dump is missing or not of its size" in done.stdout


def test_stores_are_named_in_pyproject(project: Path, database_18: DatabaseUrl) -> None:
    (project / "pyproject.toml").write_text(
        '[tool.assay.backup]\nstore = "near"\n[tool.assay.backup.stores.near]\nurl = "kept/here"\ncount = 1\n'
    )
    created(project, database_18)
    name = created(project, database_18)
    assay(project, database_18, "prune")
    assert [path.name for path in (project / "kept" / "here").iterdir()] == [name]


@pytest.mark.parametrize(
    ("settings", "arguments", "what"),
    [
        ("", ["list", "-s", "far"], "There is no store 'far'; there are local. Name one in [tool.assay.backup.stores]"),
        ("stores = 3", ["list"], "[tool.assay.backup] stores must be a table of stores by name"),
        ("keep = 3", ["list"], "[tool.assay.backup] has no setting 'keep'; there are pitr, store, stores"),
        ("stores.far = {}", ["list"], "[tool.assay.backup.stores.far] needs a url"),
        ("stores.far = {url = 'x', days = -1}", ["list"], "days must be a whole number, 0 or more"),
        ("", ["create", "--jobs", "2"], "Several jobs can write a directory only"),
        ("", ["create", "--schema-only", "--content"], "A backup of the schema alone has no contents to hash"),
        ("", ["restore", "nothing"], "has no backup 'nothing'; assay backup list shows what there is"),
        ("", ["list", "-s", "s3:///x"], "names no bucket; give it as s3://bucket/prefix"),
    ],
)
def test_misuse_is_one_sentence(
    project: Path, database_18: DatabaseUrl, settings: str, arguments: list[str], what: str
) -> None:
    (project / "pyproject.toml").write_text(f"[tool.assay.backup]\n{settings}\n")
    done = assay(project, database_18, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert done.stderr.count("\n") == 1
