"""Kept reports: taken while nothing has changed that they depend on, and never after."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.config import Settings, load_settings
from assay.errors import ServerError
from assay.proof import inputs
from assay.proof.basis import Basis
from assay.proof.findings import Unverified, finding
from assay.proof.place import Place
from assay.proof.report import Report
from assay.proof.reportcache import ReportCache
from assay.server.binaries import find_programs

try:
    find_programs("18")
except ServerError:  # pragma: no cover - the tests of this project are run with it
    pytest.skip("a report is kept for a server's programs", allow_module_level=True)

FOUND = finding(
    "ASY203",
    Place("app/a \udce9.py", 3, 5),
    'column "🐘" may be NULL',
    because=("x", "y"),
    call=Place("app/a.py", 3, 1),
)
REPORT = Report(
    findings=(replace(FOUND, width=4, shown=("code", "^^^^"), fixable=True, left="no"), FOUND.as_warning()),
    basis=Basis("18.6", "f" * 64, 2),
    files=2,
    seconds=1.5,
    total=3,
    proved=2,
    ignored=1,
    classless=1,
    unverified=(Unverified(Place("app/a.py", 1, 2), "$1", "x", "why"),),
    queries=b'[{"sql":"select 1"}]',
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A project on which a report is kept, and what else the report depends on."""

    root: Path
    outside: Path
    home: Path

    @property
    def settings(self) -> Settings:
        return load_settings(self.root, {})

    @property
    def cache(self) -> ReportCache:
        found = ReportCache.of(self.settings)
        assert found is not None
        return found

    @property
    def depended(self) -> tuple[set[str], set[str]]:
        files = {"helper.py", "query.sql", "absent.py", "package/inner.py"}
        return {str(self.outside / name) for name in files}, {str(self.outside), str(self.outside / "package")}

    def keep(self, report: Report = REPORT) -> None:
        self.cache.write(report, self.cache.begin(), *self.depended)

    def read(self) -> Report | None:
        found = self.cache.read()
        return replace(found, seconds=REPORT.seconds) if found is not None else None


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    # Somebody may be at work on Assay itself while its tests run.
    monkeypatch.setattr("assay.proof.reportcache.state_of_assay", lambda: "as it is")
    monkeypatch.setattr(inputs, "FRESH", 0)
    monkeypatch.setattr(inputs, "TICK", 0)
    project = Kept(tmp_path / "project", tmp_path / "outside", tmp_path / "home")
    for name, text in {
        "project/pyproject.toml": "[tool.assay]\nsource = ['app']\n",
        "project/app/a.py": "x = 1\n",
        "project/app/b/c.py": "x = 2\n",
        "project/migrations/1_a.sql": "select 1;\n",
        "project/migrations/2_b.sql": "select 2;\n",
        "outside/helper.py": "x = 3\n",
        "outside/query.sql": "select 3\n",
        "outside/package/inner.py": "x = 4\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    project.keep()
    assert project.read() == REPORT
    return project


def rewritten(path: Path) -> None:
    """Another content of the same size, with the same time of change."""
    times = path.stat()
    path.write_text(path.read_text().replace("=", ">").replace("select", "delete"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(path: Path) -> None:
    """Another file of the same size and time in its place."""
    other = path.with_name("other")
    shutil.copy2(path, other)
    other.replace(path)


CHANGES: dict[str, Callable[[Kept], object]] = {
    "a file edited": lambda on: (on.root / "app/a.py").write_text("x = 12\n"),
    "a file edited, size and time kept": lambda on: rewritten(on.root / "app/a.py"),
    "a file touched": lambda on: (on.root / "app/b/c.py").touch(),
    "a file replaced by its like": lambda on: replaced(on.root / "app/a.py"),
    "a new file": lambda on: (on.root / "app/new.py").touch(),
    "a file deleted": lambda on: (on.root / "app/a.py").unlink(),
    "a file renamed": lambda on: (on.root / "app/a.py").rename(on.root / "app/z.py"),
    "a folder renamed": lambda on: (on.root / "app/b").rename(on.root / "app/z"),
    "a folder that is none of the code any more": lambda on: (on.root / "app/b/pyvenv.cfg").touch(),
    "a migration edited, size and time kept": lambda on: rewritten(on.root / "migrations/1_a.sql"),
    "a migration edited": lambda on: (on.root / "migrations/1_a.sql").write_text("select 11;\n"),
    "a new migration": lambda on: (on.root / "migrations/3_c.sql").touch(),
    "a migration deleted": lambda on: (on.root / "migrations/2_b.sql").unlink(),
    "a migration renamed": lambda on: (on.root / "migrations/2_b.sql").rename(on.root / "migrations/2_c.sql"),
    "a setting": lambda on: (on.root / "pyproject.toml").write_text(
        "[tool.assay]\nsource = ['app']\nserver-idle-timeout = 1\n"
    ),
    "other files checked": lambda on: (on.root / "pyproject.toml").write_text("[tool.assay]\nsource = ['app/b']\n"),
    "a variable in .env": lambda on: (on.root / ".env").write_text("DATABASE_URL=postgresql://other/x\n"),
    "a variable of the environment": lambda on: os.environ.update(SOME_SWITCH="on"),
    "a module outside": lambda on: rewritten(on.outside / "helper.py"),
    "a query outside": lambda on: rewritten(on.outside / "query.sql"),
    "a module outside gone": lambda on: (on.outside / "helper.py").unlink(),
    "a module that was not there": lambda on: (on.outside / "absent.py").touch(),
    "a new module in a folder that was listed": lambda on: (on.outside / "package/new.py").touch(),
    "a package upgraded": lambda on: (on.outside / "package").rename(on.outside / "package2"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_report_is_not_taken_after(kept: Kept, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SOME_SWITCH", "")
    kept.keep()
    assert kept.read() == REPORT
    CHANGES[name](kept)
    assert kept.read() is None


def test_a_file_that_no_answer_depends_on_may_change(kept: Kept) -> None:
    (kept.root / "README").write_text("words")
    (kept.outside / "package/__pycache__").mkdir()
    (kept.outside / ".hidden").touch()
    assert kept.read() == REPORT


def test_a_file_changed_just_before_counts_by_its_content(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system whose clock is so coarse that a second change shows in no time."""
    path, now, state_of = kept.root / "app/a.py", time.time_ns(), inputs.state_of

    def coarse(name: str, *, with_digest: bool = False) -> inputs.State:
        found = state_of(name, with_digest=with_digest)
        return (now, now, 6, found[3]) if found is not None and name == str(path) else found

    monkeypatch.setattr(inputs, "state_of", coarse)
    kept.cache.path.unlink()
    monkeypatch.setattr(inputs, "FRESH", 10**12)
    kept.cache.write(REPORT, kept.cache.begin(), set(), set())
    assert kept.read() == REPORT
    rewritten(path)
    assert kept.read() is None


def test_a_file_changed_during_the_check_keeps_the_report_from_being_kept(kept: Kept) -> None:
    for name in ("project/app/a.py", "outside/helper.py", "outside/package/new.py"):
        kept.cache.path.unlink(missing_ok=True)
        beginning = kept.cache.begin()
        time.sleep(0.05)  # longer than a tick of the file system's clock
        (kept.root.parent / name).write_text("x = 7\n")
        kept.cache.write(REPORT, beginning, *kept.depended)
        assert kept.read() is None, name


def test_a_folder_of_old_files_that_comes_in_during_the_check_does_too(kept: Kept) -> None:
    (kept.outside / "package").rename(kept.outside / "moving")
    beginning = kept.cache.begin()
    kept.cache.path.unlink()
    (kept.outside / "moving").rename(kept.root / "app/moved")
    kept.cache.write(REPORT, beginning, set(), set())
    assert kept.read() is None


def test_a_report_of_a_database_as_it_is_is_not_kept(kept: Kept) -> None:
    kept.cache.path.unlink()
    kept.keep(replace(REPORT, basis=Basis("18.6", "", 0, "database x")))
    assert kept.read() is None
    assert ReportCache.of(replace(kept.settings, offline=True)) is None
    assert ReportCache.of(replace(kept.settings, migrations=kept.root / "none")) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_a_damaged_file_counts_as_none(kept: Kept, data: st.DataObject) -> None:
    whole = kept.cache.path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = data.draw(
        st.sampled_from([whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole[at:], whole * 2])
    )
    path = kept.cache.path
    try:
        path.write_bytes(damaged)
        assert kept.read() == (REPORT if damaged == whole else None)
    finally:
        path.write_bytes(whole)


UNUSABLE: dict[str, Callable[[Path], object]] = {
    "a file in the folder's place": lambda path: (shutil.rmtree(path.parent), path.parent.touch()),
    "a folder in the file's place": lambda path: (path.unlink(), path.mkdir()),
    "nothing": lambda path: shutil.rmtree(path.parent.parent),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_home_that_cannot_be_used_is_no_fault(kept: Kept, name: str) -> None:
    UNUSABLE[name](kept.cache.path)
    assert kept.read() is None
    kept.keep()
    assert kept.read() in (None, REPORT)
    assert [path for path in kept.home.rglob("*.part") if path.is_file()] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_leaves_what_was_kept_and_no_part(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, mode: str) -> object:
        os.close(handle)
        return Path("/dev/full").open(mode)

    monkeypatch.setattr("assay.proof.reportcache.os.fdopen", full)
    kept.keep(replace(REPORT, total=99))
    assert kept.read() == REPORT
    assert list(kept.home.rglob("*.part")) == []


def test_what_may_only_be_read_is_read(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    cache = kept.cache
    with monkeypatch.context() as patch:
        patch.setattr("assay.proof.reportcache.os.utime", refuse)
        assert cache.read() is not None


def test_many_that_write_at_once_leave_one_whole(kept: Kept) -> None:
    cache = kept.cache
    reports = [replace(REPORT, total=number, queries=b"[%s]" % (b"1," * 50_000 + b"1")) for number in range(8)]

    def write(report: Report) -> Report | None:
        cache.write(report, cache.begin(), *kept.depended)
        return kept.read()

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(write, reports))
    assert all(report in reports for report in found)
    assert list(kept.home.rglob("*.part")) == []


def test_only_so_many_are_kept(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.proof.reportcache.MOST_FILES", 3)
    for number in range(6):
        monkeypatch.setenv("SOME_SWITCH", str(number))
        kept.keep()
        assert kept.read() == REPORT
    assert len(list(kept.home.rglob("*.report"))) == 3
