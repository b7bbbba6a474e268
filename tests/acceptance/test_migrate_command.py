"""The commands of ``assay migrate``: what they print, what they answer in JSON, how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.config import DatabaseUrl

Assay = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    return tmp_path


@pytest.fixture
def assay(project: Path, database_18: DatabaseUrl) -> Assay:
    """Call ``assay migrate`` in the project, with DATABASE_URL."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "assay", "migrate", *arguments],
            cwd=project,
            env={**os.environ, "DATABASE_URL": database_18.reveal()},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return call


def write(project: Path, **files: str) -> None:
    (project / "migrations").mkdir(exist_ok=True)
    for name, text in files.items():
        (project / "migrations" / (name.removeprefix("v").replace("__", ".") + ".sql")).write_text(text)


def files(project: Path) -> list[str]:
    return sorted(path.name for path in (project / "migrations").iterdir())


def without_times(text: str) -> str:
    return re.sub(r"[0-9.]+ (m?s)\b", r"N \1", text)


def test_a_migration_is_added_run_listed_and_reverted(project: Path, assay: Assay) -> None:
    added = assay("add", "-r", "-s", "create", "devices")
    assert added.stdout == (
        "Created migrations/0001_create_devices.up.sql\nCreated migrations/0001_create_devices.down.sql\n"
    )
    write(
        project, v0001_create_devices__up="create table devices ();", v0001_create_devices__down="drop table devices;"
    )
    assert assay("info").stdout == "1/pending create devices\n"
    assert assay("run", "--dry-run").stdout == "Can apply 1/migrate create devices\n"
    assert without_times(assay("run").stdout) == "Applied 1/migrate create devices (N ms)\n"
    assert assay("info").stdout == "1/installed create devices\n"
    assert assay("run").stdout == "Nothing to apply: every migration is installed\n"
    assert without_times(assay("revert").stdout) == "Reverted 1/revert create devices (N ms)\n"
    assert assay("revert").stdout == "Nothing to revert: no applied migration has a down file\n"


def test_every_command_answers_in_json(project: Path, assay: Assay) -> None:
    added = json.loads(assay("add", "one", "--sequential", "--reversible", "--output-format", "json").stdout)
    assert added == {"created": ["migrations/0001_one.up.sql", "migrations/0001_one.down.sql"]}
    run = json.loads(assay("run", "--output-format", "json").stdout)
    assert run["steps"][0].pop("milliseconds") > 0
    assert run == {
        "dry_run": False,
        "steps": [
            {
                "version": 1,
                "description": "one",
                "direction": "up",
                "path": "migrations/0001_one.up.sql",
                "resumed_at": None,
            }
        ],
        "skipped": [],
        "notices": ["migrations/0001_one.up.sql holds no statement; applying it changes nothing but the ledger"],
    }
    (status,) = json.loads(assay("info", "--output-format", "json").stdout)["migrations"]
    assert (status["version"], status["state"], status["kind"]) == (1, "installed", "reversible")
    assert status["checksum"] == status["applied_checksum"]
    reverted = json.loads(assay("revert", "--output-format", "json").stdout)
    assert [step["direction"] for step in reverted["steps"]] == ["down"]


def test_target_versions_go_up_and_down(project: Path, assay: Assay) -> None:
    for number in (1, 2, 3):
        write(project, **{f"v{number}_a__up": "select 1;", f"v{number}_a__down": "select 1;"})
    assert assay("run", "--target-version", "2").stdout.endswith("Left out by the target version: 3\n")
    assert assay("run", "--target-version", "1").returncode == 2
    assert assay("revert", "--target-version", "0").stdout.count("Reverted") == 2


def test_a_file_that_nobody_wrote_in_since_it_was_added_is_told(project: Path, assay: Assay) -> None:
    assay("add", "create", "devices", "--sequential")
    done = assay("run")
    assert without_times(done.stdout) == "Applied 1/migrate create devices (N ms)\n"
    assert done.stderr == (
        "migrations/0001_create_devices.sql holds no statement; applying it changes nothing but the ledger\n"
    )


def test_notices_go_to_standard_error(project: Path, assay: Assay) -> None:
    write(project, v2_b="select 1;")
    assay("run")
    write(project, v1_a="select 1;")
    assert assay("info").stdout == "1/pending, out of order a\n2/installed b\n"
    refused = assay("run", "--refuse-out-of-order")
    assert (refused.returncode, refused.stdout) == (2, "")
    done = assay("run", "--allow-out-of-order")
    assert done.stderr.startswith("migrations/1_a.sql is out of order")
    assert done.stdout.startswith("Applied 1/migrate a")


def test_a_missing_file_is_accepted_when_asked_to(project: Path, assay: Assay) -> None:
    write(project, v1_a="select 1;", v2_b="select 1;")
    assay("run")
    (project / "migrations" / "1_a.sql").unlink()
    assert assay("info").stdout.startswith("1/missing a\n  applied, and there is no file for it\n2/installed")
    assert assay("run").returncode == 2
    assert assay("run", "--ignore-missing").returncode == 0


def test_another_folder_and_another_database_can_be_named(project: Path, assay: Assay, server_18: DatabaseUrl) -> None:
    write(project, v1_a="select 1;")
    (project / "migrations").rename(project / "other")
    elsewhere = server_18.with_database("nowhere_at_all").reveal()
    assert assay("run", "--source", "other").returncode == 0
    assert "no such database" in assay("info", "--source", "other", "--database-url", elsewhere).stderr


def test_an_error_goes_to_standard_error_and_ends_with_2(project: Path, assay: Assay) -> None:
    write(project, v1_a="create table a ();\nselect\n  oops;\n")
    failed = assay("run")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == (
        'error: migrations/1_a.sql:3:3: column "oops" does not exist (SQLSTATE 42703, statement 2 of 2)\n'
        "    3 |   oops;\n      |   ^\nNothing of this file was kept.\n"
    )


def test_without_a_url_the_embedded_server_is_used(project: Path, assay_home: Path) -> None:
    write(project, v1_a="select 1;")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "assay", "migrate", "run"],
        cwd=project,
        env={**environment, "ASSAY_HOME": str(assay_home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.startswith("Applied 1/migrate a"), done.stderr


@pytest.mark.parametrize(
    "arguments", [["run", "--target-version", "x"], ["add"], ["add", "-s", "-t", "--nonsense", "a"]]
)
def test_misuse_ends_with_2(assay: Assay, arguments: list[str]) -> None:
    assert assay(*arguments).returncode == 2


def test_skip_and_repair_tell_what_they_do(project: Path, assay: Assay) -> None:
    write(project, v1_a="create table a ();\n", v2_b="create table b ();\n")
    assert assay("skip", "1", "--dry-run").stdout == "Would record 1 a as applied\n"
    assert assay("skip", "1").stdout == "Recorded 1 a as applied\n"
    assert assay("skip").stdout == "Recorded 2 b as applied\n"
    assert assay("skip").stdout == "Nothing to skip: every migration is recorded\n"
    assert assay("repair").stdout == "Nothing to repair\n"
    (project / "migrations" / "1_a.sql").write_bytes(b"create table a ();\r\n")
    write(project, v2_b="create table other ();\n")
    left = assay("repair")
    assert (left.returncode, left.stdout.splitlines()[0]) == (1, "Took over the checksum of 1 a")
    assert "2_b.sql was edited" in left.stdout.splitlines()[1]
    done = assay("repair", "--accept-edits", "--output-format", "json")
    assert (done.returncode, json.loads(done.stdout)) == (
        0,
        {"dry_run": False, "entries": [{"version": 2, "description": "b", "change": "correct"}], "left": []},
    )
    assert "not both" in assay("skip", "1", "--target-version", "2").stderr


def test_status_can_fail_a_pipeline(project: Path, assay: Assay) -> None:
    write(project, v1_a="create table a ();\n")
    assert [assay("status").returncode, assay("status", "--exit-code").returncode] == [0, 1]
    assay("run")
    status = assay("status", "--exit-code")
    assert (status.returncode, status.stdout) == (0, "1/installed a\n")
    write(project, v1_a="create table b ();\n")
    assert assay("status", "--exit-code").returncode == 1


def test_squash_replaces_the_files_and_baseline_takes_a_database_over(project: Path, assay: Assay) -> None:
    write(project, v1_a__up="create table a ();\n", v1_a__down="drop table a;\n", v2_b="create table b ();\n")
    assay("run")
    shown = assay("squash", "--dry-run")
    assert "CREATE TABLE public.a" in shown.stdout
    assert files(project) == ["1_a.down.sql", "1_a.up.sql", "2_b.sql"]
    done = assay("squash")
    assert done.stdout == "migrations/2_squashed.sql stands for 2 migrations, 2 statements\n"
    assert files(project) == ["2_squashed.sql"]
    assert (project / "migrations" / "2_squashed.sql").read_text() == shown.stdout
    assert assay("status", "--exit-code").stdout == "2/installed squashed\n"
    repaired = assay("repair").stdout
    assert repaired == "Forgot 1 a\nTook over the checksum of 2 squashed\n"
    assert assay("baseline").stdout == "Nothing to record: every migration is recorded\n"
    assert "fewer than two" in assay("squash").stderr
    assert "There is no migration 9" in assay("squash", "--through", "9").stderr


def test_who_wrote_a_file_too_late_is_told_how_to_begin_anew(project: Path, assay: Assay) -> None:
    assay("add", "-s", "first")
    assay("run")
    write(project, v0001_first="create table a ();\n")
    assert "on a database of your own, assay db reset begins anew" in assay("run").stderr
