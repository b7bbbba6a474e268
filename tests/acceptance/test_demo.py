"""``assay demo``: what it says happened, happened; and nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from assay.cli.demo import stopping_between_steps
from assay.config import DatabaseUrl
from assay.demo import workshop
from assay.demo.lineup import FIRST, OTHERS
from assay.demo.story import tell
from assay.errors import Error
from assay.server import Server

ROOT = Path(__file__).parents[2]
AT_LENGTH = ["A server", "A database", "A proof", "A photo", "A mistake"]
TITLES = [*AT_LENGTH, *(backend.name for backend in OTHERS), "In all", "All gone"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Somebody's project: its settings would break the demo if it read them."""
    (tmp_path / "project").mkdir()
    (tmp_path / "temporary").mkdir()
    (tmp_path / "project" / ".env").write_text("DATABASE_URL=postgresql://nobody@127.0.0.1:1/nothing\n")
    return tmp_path


@pytest.fixture
def embedded(assay_home: Path) -> DatabaseUrl:
    """The embedded server of this test session, which the demo uses too."""
    return Server.locate("18", home=assay_home).ensure_running()


def environ(folder: Path, assay_home: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    offline = {"ASSAY_OFFLINE": "true", "HTTP_PROXY": "http://127.0.0.1:1"}
    return {**kept, **offline, "ASSAY_HOME": str(assay_home), "TMPDIR": str(folder / "temporary")}


def start(folder: Path, assay_home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "assay", "demo", *arguments],
        cwd=folder / "project",
        env=environ(folder, assay_home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def assert_nothing_stays(folder: Path, server: DatabaseUrl) -> None:
    assert list((folder / "temporary").iterdir()) == []
    assert [path.name for path in (folder / "project").iterdir()] == [".env"]
    connection = await asyncpg.connect(server.reveal())
    try:
        names = await connection.fetch("select datname from pg_database where datname like 'assay\\_demo\\_%'")
    finally:
        await connection.close()
    assert names == []


async def test_the_demo_is_read_in_two_minutes_and_leaves_nothing(
    folder: Path, assay_home: Path, embedded: DatabaseUrl
) -> None:
    process = start(folder, assay_home)
    out, error = process.communicate(timeout=240)
    assert (process.returncode, error) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= 90
    assert all(len(line) <= 100 for line in lines), max(lines, key=len)
    assert [line[:13].lstrip("0123456789").strip() for line in lines if line[:1].isdigit()] == TITLES
    for backend in (FIRST, *OTHERS):
        table = re.compile(rf" +{backend.folder} +\d+ +\d+ +(\d+) of \1 +\d+ +\d+\.\d\d")
        assert len([line for line in lines if table.fullmatch(line)]) == 1
    await assert_nothing_stays(folder, embedded)


async def test_the_demo_as_json_tells_the_same_steps(folder: Path, assay_home: Path, embedded: DatabaseUrl) -> None:
    process = start(folder, assay_home, "--output-format", "json")
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    told = json.loads(out)
    steps = {step["title"]: step for step in told["steps"]}
    assert list(steps) == TITLES
    shown = {each.pop("backend"): each for each in told["backends"]}
    assert list(shown) == [backend.folder for backend in (FIRST, *OTHERS)]
    for name, backend in zip(TITLES[len(AT_LENGTH) :], OTHERS, strict=False):
        numbers = shown[backend.folder]
        assert len(statuses(steps[name]["lines"])) == numbers["requests"] > 0
        done = "{migrations} migrations, {rows} rows seeded, {queries} of {queries} queries proven"
        assert steps[name]["done"] == done.format(**numbers)
    realitycam = shown[FIRST.folder]
    assert realitycam.pop("seconds") > 0
    assert realitycam == {"migrations": 3, "rows": 9, "queries": 8, "requests": 7}
    assert steps["A database"]["done"] == "3 migrations applied, 9 rows from 3 seed files"
    assert steps["A proof"]["done"].startswith("8 of 8 queries proven")
    assert statuses(steps["A photo"]["lines"]) == [201, 200, 201, 200, 201, 201, 200]
    assert any('ASY203 column "captured_at" may be NULL' in line for line in steps["A mistake"]["lines"])
    assert statuses(steps["Basic API"]["lines"]) == [201, 409, 200, 200, 204, 200]
    assert statuses(steps["Sentinel"]["lines"]) == [401, 201, 201, 201, 422, 200, 204, 404]
    assert all(step["seconds"] > 0 for step in steps.values())


def statuses(lines: list[str]) -> list[int]:
    """Those of the lines that are about requests."""
    asked = (re.match(r"[A-Z]+ /\S* +(\d{3}) ", line) for line in lines)
    return [int(match[1]) for match in asked if match]


@pytest.mark.parametrize(
    ("stop", "after"),
    [
        (signal.SIGINT, "1 A server"),
        (signal.SIGTERM, "2 A database"),
        (signal.SIGINT, "3 A proof"),
        (signal.SIGTERM, "5 A mistake"),
    ],
)
async def test_a_demo_that_is_stopped_leaves_nothing(
    folder: Path, assay_home: Path, embedded: DatabaseUrl, stop: signal.Signals, after: str
) -> None:
    process = start(folder, assay_home)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(after):
            break
    process.send_signal(stop)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.split("\n") == ["Stopping after this step ...", "", "Stopped.", ""]
    await assert_nothing_stays(folder, embedded)


async def test_a_demo_that_is_stopped_within_a_step_leaves_nothing(
    folder: Path, embedded: DatabaseUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    asked = count(1)

    def pause() -> None:
        if next(asked) == 2:
            raise KeyboardInterrupt

    def run() -> list[str]:
        titles: list[str] = []
        with pytest.raises(KeyboardInterrupt):
            titles.extend(step.title for step in tell(pause))
        return titles

    assert await asyncio.to_thread(run) == AT_LENGTH
    await assert_nothing_stays(folder, embedded)


def test_a_second_ctrl_c_does_not_wait(capsys: pytest.CaptureFixture[str]) -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stopping_between_steps():
        signal.raise_signal(signal.SIGTERM)
        assert capsys.readouterr().err == "Stopping after this step ...\n"
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second one waited")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers


def test_a_step_that_ctrl_c_made_fail_counts_as_stopped() -> None:
    with pytest.raises(KeyboardInterrupt), stopping_between_steps():
        signal.raise_signal(signal.SIGINT)
        raise Error("a program was interrupted")


@pytest.mark.parametrize("module", ["fastapi", "httpx", "uvicorn", "python_multipart", "re2"])
def test_a_package_that_is_missing_is_named_in_one_sentence(folder: Path, assay_home: Path, module: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['assay', 'demo']; import assay.cli as c; c.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ(folder, assay_home), capture_output=True, text=True, timeout=60
    )
    package = workshop.PACKAGES[module]
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: The demo needs {package}; install what is missing with: pip install {package}\n"


def names(requirements: list[str]) -> set[str]:
    """The packages that requirements name, less their extras and versions."""
    return {re.split(r"[\[<>=]", each)[0] for each in requirements}


def test_make_demo_installs_what_the_backends_ask_for_and_the_demo_looks_for() -> None:
    group = names(tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["demo"])
    assert group | {"fastapi"} == set(workshop.PACKAGES.values())
    asked = [tomllib.loads(path.read_text())["project"] for path in ROOT.glob("backends/*/pyproject.toml")]
    assert names([each for project in asked for each in project["dependencies"]]) | {"httpx"} == group | {"assay"}


def test_every_backend_is_shown() -> None:
    folders = [backend.folder for backend in (FIRST, *OTHERS)]
    assert sorted(folders) == sorted(
        path.parent.name for path in ROOT.glob("backends/*/story.py") if path.parent.name != "common"
    )


@pytest.fixture
def altered(tmp_path: Path, embedded: DatabaseUrl, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A backend that the demo takes for RealityCam, to be changed by the test."""
    backends = Path(shutil.copytree(workshop.find_backends(), tmp_path / "backends"))
    monkeypatch.setattr(workshop, "find_backends", lambda: backends)
    return backends / "realitycam"


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def fail() -> tuple[list[str], str]:
    """The steps that were told, and what the error says."""
    titles: list[str] = []
    with pytest.raises(Error) as caught:
        titles.extend(step.title for step in tell())
    return titles, str(caught.value)


def test_a_query_that_is_not_proven_fails_the_demo(altered: Path) -> None:
    change(next((altered / "migrations").glob("*_devices.sql")), "model text not null", "model text")
    titles, error = fail()
    assert titles == TITLES[:2]
    assert 'column "model" may be NULL' in error


def test_an_answer_with_another_status_fails_the_demo(altered: Path) -> None:
    change(altered / "app.py", "201 if device.created else 200", "201")
    titles, error = fail()
    assert titles == TITLES[:3]
    assert error.startswith("RealityCam answered POST /devices with 201, not 200: {")


def test_an_answer_that_is_not_right_fails_the_demo(altered: Path) -> None:
    change(altered / "app.py", 'result="matched" if match else "unknown"', 'result="matched"')
    titles, error = fail()
    assert titles == TITLES[:3]
    assert "RealityCam's answer to POST /verifications is not what it must be" in error


def test_a_service_that_does_not_start_fails_the_demo(altered: Path) -> None:
    change(
        altered.parent / "common" / "options.py",
        "read_options({}, values)",
        "read_options({'max_connections': 0}, values)",
    )
    titles, error = fail()
    assert titles == TITLES[:3]
    assert "max_connections is 0" in error


def test_an_answer_of_another_backend_that_is_not_right_fails_the_demo(altered: Path) -> None:
    change(altered.parent / "basic_api" / "app.py", '"/users", status_code=201', '"/users", status_code=200')
    titles, error = fail()
    assert titles == AT_LENGTH
    assert error.startswith("Basic API answered POST /users with 200, not 201: {")


def test_a_mistake_that_is_not_caught_fails_the_demo(altered: Path) -> None:
    change(altered / "pyproject.toml", 'source = ["app.py", "queries"]', 'source = ["app.py", "queries/captures.py"]')
    titles, error = fail()
    assert titles == TITLES[:4]
    assert "the check had 0 findings" in error
