"""AC-1, AC-8 and AC-9: the command line, the offline cache and the migrations, by the real commands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import asyncpg
import pytest
from backends.common.testing import copy_backend, replace_once, run_assay
from backends.realitycam.tests.conftest import BACKEND

from assay import __version__
from assay.config import DatabaseUrl, load_settings

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
QUERIES = 8
"""How many statements RealityCam has."""


@pytest.fixture
def backend(tmp_path: Path) -> Path:
    return copy_backend(BACKEND, tmp_path)


@pytest.fixture
def prepared(backend: Path, server: DatabaseUrl) -> Path:
    """A copy of the backend with its offline cache."""
    done = run_assay(backend, "prepare", "--database-url", server.reveal())
    assert done.returncode == 0, done.stdout + done.stderr
    return backend


def offline(backend: Path, *arguments: str) -> tuple[int, str]:
    """``assay check`` where no server can be reached or started."""
    nothing = backend.parent / "no-state"
    environ = {"ASSAY_OFFLINE": "true", "DATABASE_URL": NOWHERE, "ASSAY_HOME": str(nothing), "PATH": "/nowhere"}
    done = run_assay(backend, "check", *arguments, **environ)
    assert not nothing.exists(), "a server was started"
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_ac1_the_command_line_says_its_version(backend: Path) -> None:
    done = run_assay(backend, "--version")
    assert (done.returncode, done.stdout) == (0, f"assay {__version__}\n")


def test_ac1_env_gives_a_valid_database_url(backend: Path) -> None:
    shutil.copy(backend / ".env.example", backend / ".env")
    url = load_settings(backend, {}).database_url
    assert url is not None
    assert (url.user, url.host, url.port, url.database) == ("realitycam", "localhost", 5432, "realitycam")


def test_ac1_the_commands_work_on_the_database_that_env_names(backend: Path, database: DatabaseUrl) -> None:
    text = (backend / ".env.example").read_text()
    (backend / ".env").write_text(re.sub(r"(?m)^DATABASE_URL=.*$", f"DATABASE_URL={database.reveal()}", text))
    assert "pending" in run_assay(backend, "migrate", "info").stdout


def test_ac8_prepare_fills_the_offline_cache(prepared: Path) -> None:
    files = sorted(path.name for path in (prepared / ".assay").glob("query-*.json"))
    assert len(files) == QUERIES
    assert all(re.fullmatch(r"query-[0-9a-f]{64}\.json", name) for name in files)


def test_ac8_offline_the_check_proves_every_query_with_no_server_reachable(prepared: Path) -> None:
    code, text = offline(prepared)
    assert code == 0, text
    assert re.search(rf"Proved {QUERIES} of {QUERIES} queries", text)


def test_ac8_a_query_changed_after_prepare_fails_offline_by_name(prepared: Path) -> None:
    changed = prepared / "queries" / "devices.py"
    replace_once(changed, "where id = $1", "where id = $1 and has_lidar")
    code, text = offline(prepared)
    assert code == 1
    line = next(n for n, line in enumerate(changed.read_text().splitlines(), 1) if "Device | None" in line)
    places = re.findall(r"^(\S+?):(\d+):\d+ (ASY\d+)", text, re.MULTILINE)
    assert [(path, code) for path, _, code in places] == [("queries/devices.py", "ASY901")]
    assert int(places[0][1]) > line, "the place is inside of by_id"


def test_ac8_without_the_cache_every_query_fails_offline_by_name(backend: Path) -> None:
    code, text = offline(backend)
    assert code == 1
    assert text.count("ASY901") == QUERIES


def test_ac8_a_migration_changed_after_prepare_makes_every_answer_stale(prepared: Path) -> None:
    (prepared / "migrations" / "20251122000004_more.sql").write_text("alter table devices add note text")
    code, text = offline(prepared)
    assert code == 1
    assert text.count("ASY902") == QUERIES


def test_ac8_prepare_check_says_whether_the_cache_is_current(prepared: Path, server: DatabaseUrl) -> None:
    arguments = ("prepare", "--check", "--database-url", server.reveal())
    assert run_assay(prepared, *arguments).returncode == 0
    replace_once(prepared / "queries" / "devices.py", "where id = $1", "where id = $1 and has_lidar")
    done = run_assay(prepared, *arguments)
    assert done.returncode == 1
    assert re.findall(r"^(missing|orphaned) \.assay/query-", done.stdout, re.MULTILINE) == ["missing", "orphaned"]


def test_ac9_migrate_run_applies_all_three_and_info_shows_them_installed(backend: Path, database: DatabaseUrl) -> None:
    url = database.reveal()
    before = run_assay(backend, "migrate", "info", "-D", url)
    assert before.stdout.count("/pending") == 3
    done = run_assay(backend, "migrate", "run", "-D", url)
    assert (done.returncode, done.stdout.count("Applied")) == (0, 3), done.stderr
    assert run_assay(backend, "migrate", "info", "-D", url).stdout.splitlines() == [
        "20251122000001/installed create devices",
        "20251122000002/installed create captures",
        "20251122000003/installed create verification logs",
    ]


def test_ac9_a_second_run_has_nothing_to_do(backend: Path, database: DatabaseUrl) -> None:
    run_assay(backend, "migrate", "run", "-D", database.reveal())
    done = run_assay(backend, "migrate", "run", "-D", database.reveal())
    assert (done.returncode, done.stdout.count("Applied")) == (0, 0)


async def test_seeds_load_twice_and_the_second_time_changes_nothing(
    backend: Path, migrated: DatabaseUrl, catalog: asyncpg.Connection
) -> None:
    counts = []
    for _ in range(2):
        done = run_assay(backend, "seed", "-D", migrated.reveal())
        assert done.returncode == 0, done.stderr
        counts.append(re.findall(r"(\d+) rows?$", done.stdout, re.MULTILINE))
    assert counts == [["3", "3", "3"], ["0", "0", "0"]]
    assert await catalog.fetchval("select count(*) from captures c join devices d on d.id = c.device_id") == 3
