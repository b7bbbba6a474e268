"""Parts of the pytest plugin that need no server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.config import load_settings, seed_environments
from assay.errors import ConfigurationError
from assay.server import memory
from assay.server.memory import memory_home
from assay.testing.names import PREFIX, Kept, key_of, lock_of, new_key, read_comment, write_comment
from assay.testing.recipe import read_recipe
from assay.testing.strategy import Strategy

INERT = """
import sys

NEEDED = {"assay", "assay._version", "assay.testing", "assay.testing.plugin", "assay.testing.summary",
    "assay.testing.loops", "assay.testing.under_asyncio", "assay.testing.under_anyio"}


def test_nothing_is_loaded():
    assert {name for name in sys.modules if name.startswith("assay")} <= NEEDED
    assert "asyncpg" not in sys.modules and "msgspec" not in sys.modules
"""


def test_plugin_loads_nothing_until_a_fixture_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "test_inert.py").write_text(INERT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "test_inert.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_markers_and_fixtures_are_listed(tmp_path: Path) -> None:
    for option, words in {
        "--markers": ["@pytest.mark.assay_seed(*environments): "],
        "--fixtures": ["assay_db", "assay_pool", "assay_sync_db", "assay_sync_pool", "assay_database_url"],
    }.items():
        command = [sys.executable, "-m", "pytest", option, "-p", "no:cacheprovider"]
        out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
        assert [word for word in words if word not in out] == []


# --- settings


@pytest.mark.parametrize(
    ("value", "environments"),
    [("'dev'", ("dev",)), ("['dev', 'demo']", ("dev", "demo")), ("true", ()), ("false", None)],
)
def test_seed_names_environments(tmp_path: Path, value: str, environments: tuple[str, ...] | None) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.assay.testing]\nseed = {value}\n")
    assert load_settings(tmp_path, {}).testing.seed == environments


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("seeds = true", "is a table of settings; there are seed, memory, recycle, keep-failed"),
        ("seed = 7", "seed must be the name of an environment, a list of them, true or false"),
        ("seed = ['']", "seed must be the name of an environment"),
        ("memory = 'no'", "memory must be true or false"),
        ("recycle = 1", "recycle must be true or false"),
        ("keep-failed = -1", "keep-failed must be a number of databases, 0 or more"),
        ("keep-failed = true", "keep-failed must be a number"),
    ],
)
def test_setting_that_cannot_be_used_is_told(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.assay.testing]\n{line}\n")
    with pytest.raises(ConfigurationError, match=words):
        load_settings(tmp_path, {})


def test_testing_that_is_no_table_is_told(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\ntesting = true\n")
    with pytest.raises(ConfigurationError, match="is a table of settings"):
        load_settings(tmp_path, {})


def test_settings_for_tests_have_defaults(tmp_path: Path) -> None:
    testing = load_settings(tmp_path, {}).testing
    assert (testing.seed, testing.memory, testing.recycle, testing.keep_failed) == (None, True, True, 10)
    assert seed_environments(("dev", "demo"), "") == ("dev", "demo")


# --- recipes


def test_same_files_have_the_same_fingerprint_and_others_another(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    prints = [read_recipe(settings, None).fingerprint]
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_a.sql").write_text("select 1")
    prints.append(read_recipe(settings, None).fingerprint)
    (tmp_path / "seeds" / "dev").mkdir(parents=True)
    (tmp_path / "seeds" / "1.sql").write_text("select 1")
    prints.append(read_recipe(settings, ()).fingerprint)
    (tmp_path / "seeds" / "dev" / "2.sql").write_text("select 2")
    prints.append(read_recipe(settings, ("dev",)).fingerprint)
    (tmp_path / "seeds" / "1.sql").write_text("select 3")
    prints.append(read_recipe(settings, ()).fingerprint)
    assert len(set(prints)) == 5
    assert read_recipe(settings, ()).fingerprint == prints[-1]


def test_seeds_of_several_environments_are_loaded_once(tmp_path: Path) -> None:
    for name in ("1.sql", "common/2.sql", "dev/3.sql", "demo/4.sql"):
        (tmp_path / "seeds" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "seeds" / name).touch()
    names = [file.name for file in read_recipe(load_settings(tmp_path, {}), ("dev", "demo")).seeds]
    assert names == ["1.sql", "2.sql", "3.sql", "4.sql"]


# --- names


def test_key_in_a_name_is_found_again_and_is_a_lock() -> None:
    key = new_key()
    assert key_of(f"{PREFIX}{key}_17") == key
    assert lock_of(key) == int(key, 16)


@pytest.mark.parametrize("name", ["assay_test_", "assay_test_mine", "assay_test_zzzzzzzzzzzz_1", "assay_test_12_3"])
def test_name_of_others_has_no_lock(name: str) -> None:
    assert lock_of(key_of(name)) is None


@given(st.text(), st.text(), st.text())
def test_comment_on_a_kept_database_is_read_as_it_was_written(test: str, project: str, session: str) -> None:
    kept = Kept(test, project, session, datetime.now(UTC))
    assert read_comment(write_comment(kept)) == kept


@pytest.mark.parametrize("comment", [None, "", "a database", "{}", '{"test": 1}'])
def test_comment_of_others_is_none(comment: str | None) -> None:
    assert read_comment(comment) is None


# --- strategies


def took(strategy: Strategy, monkeypatch: pytest.MonkeyPatch, seconds: float) -> str:
    """Copy once in so many seconds; the clause that was used."""
    clock = iter([0.0, seconds])
    monkeypatch.setattr("assay.testing.strategy.perf_counter", lambda: next(clock))
    with strategy.timed() as clause:
        pass
    return clause.rpartition(" ")[2]


def test_way_that_is_fast_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = Strategy(180000)
    assert [took(strategy, monkeypatch, 0.01) for _ in range(3)] == ["file_copy"] * 3


def test_way_that_is_slow_is_compared_with_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = Strategy(150000)
    ways = [took(strategy, monkeypatch, seconds) for seconds in (0.2, 0.1, 0.1, 0.3, 0.2)]
    assert ways == ["file_copy", "wal_log", "wal_log", "wal_log", "file_copy"]


def test_before_15_there_is_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy = Strategy(140010)
    assert [took(strategy, monkeypatch, 0.2) for _ in range(3)] == [""] * 3


# --- memory


def test_home_in_memory_is_the_same_for_the_same_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NEEDED", 0)
    shared = reachable(tmp_path)
    first = memory_home(tmp_path / "one", shared)
    assert first == memory_home(tmp_path / "one", shared)
    assert first != memory_home(tmp_path / "two", shared)
    assert first is not None
    assert first.parent == shared


def test_memory_without_room_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NEEDED", 1 << 62)
    assert memory_home(tmp_path, reachable(tmp_path)) is None
    assert [*reachable(tmp_path).iterdir()] == []


def test_system_without_such_a_file_system_has_no_home_in_memory(tmp_path: Path) -> None:
    assert memory_home(tmp_path, tmp_path / "missing") is None


def test_folder_that_others_could_have_made_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "NEEDED", 0)
    shared = reachable(tmp_path)
    place = memory_home(tmp_path, shared)
    assert place is not None
    place.chmod(0o777)
    assert memory_home(tmp_path, shared) is None
    (place / "volatile").unlink()
    place.rmdir()
    place.symlink_to(tmp_path)
    assert memory_home(tmp_path, shared) is None


def reachable(folder: Path) -> Path:
    """A folder that stands for the file system in memory; every account can get there."""
    for part in takewhile(lambda part: part != Path(tempfile.gettempdir()), (folder, *folder.parents)):
        part.chmod(0o711)
    (folder / "shm").mkdir(exist_ok=True)
    return folder / "shm"
