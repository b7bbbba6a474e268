"""``assay demo``: what it says happened, happened; and nothing of it stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from assay.cli.demo import stopping_between_steps
from assay.config import DatabaseUrl
from assay.demo import workshop
from assay.demo.story import tell
from assay.errors import Error
from assay.server import Server

TITLES = ["A server", "A database", "A proof", "A photo", "A mistake", "All gone"]


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


async def test_the_demo_fits_on_a_screen_and_leaves_nothing(
    folder: Path, assay_home: Path, embedded: DatabaseUrl
) -> None:
    process = start(folder, assay_home)
    out, error = process.communicate(timeout=120)
    assert (process.returncode, error) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= 100 for line in lines), max(lines, key=len)
    assert [line[2:12].strip() for line in lines if line[:1].isdigit()] == TITLES
    await assert_nothing_stays(folder, embedded)


async def test_the_demo_as_json_tells_the_same_steps(folder: Path, assay_home: Path, embedded: DatabaseUrl) -> None:
    process = start(folder, assay_home, "--output-format", "json")
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    steps = {step["title"]: step for step in json.loads(out)["steps"]}
    assert list(steps) == TITLES
    assert steps["A database"]["done"] == "3 migrations applied, 9 rows from 3 seed files"
    assert steps["A proof"]["done"].startswith("8 of 8 queries proven")
    assert [line.split()[2] for line in steps["A photo"]["lines"][:-1]] == [
        "201",
        "200",
        "201",
        "200",
        "201",
        "201",
        "200",
    ]
    assert any('ASY203 column "captured_at" may be NULL' in line for line in steps["A mistake"]["lines"])
    assert all(step["seconds"] > 0 for step in steps.values())


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", ["1 A server", "2 A database", "3 A proof"])
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


@pytest.mark.parametrize("module", ["fastapi", "httpx", "uvicorn", "python_multipart"])
def test_a_package_that_is_missing_is_named_in_one_sentence(folder: Path, assay_home: Path, module: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None; sys.argv = ['assay', 'demo']; import assay.cli as c; c.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ(folder, assay_home), capture_output=True, text=True, timeout=60
    )
    package = module.replace("_", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: The demo needs {package}; install what is missing with: pip install {package}\n"


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


def test_a_mistake_that_is_not_caught_fails_the_demo(altered: Path) -> None:
    change(altered / "pyproject.toml", 'source = ["app.py", "queries"]', 'source = ["app.py", "queries/captures.py"]')
    titles, error = fail()
    assert titles == TITLES[:4]
    assert "the check had 0 findings" in error
