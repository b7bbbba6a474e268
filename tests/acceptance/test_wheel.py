"""The wheel, installed into an empty virtual environment, away from the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

QUERY = """
import assay

async def names(db: assay.Executor) -> list[str | None]:
    return await db.fetch_all(str, "select name from thing")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment that has the wheel, its dependencies and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], check=True)
    venv.create(folder / "env", with_pip=False)
    (wheel,) = folder.glob("assay-*.whl")
    python = folder / "env" / "bin" / "python"
    subprocess.run([*pip, "--python", str(python), "install", f"{wheel}[embedded]"], check=True)
    return python.parent


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: os.environ[name] for name in ("HOME", "PATH", "ASSAY_HOME") if name in os.environ}
    command = [str(installed / "assay"), *arguments]
    return subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=120)


def test_the_installed_command_checks_a_project(installed: Path, tmp_path: Path, assay_home: Path) -> None:
    assert run(installed, tmp_path, "--version").stdout.startswith("assay ")
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_thing.sql").write_text("create table thing (name text);\n")
    (tmp_path / "queries.py").write_text(QUERY)
    checked = run(installed, tmp_path, "check")
    assert checked.returncode == 1, checked.stderr
    assert "queries.py:5:18 ASY203" in checked.stdout
    applied = run(installed, tmp_path, "migrate", "run")
    assert applied.returncode == 0, applied.stderr
    described = run(installed, tmp_path, "describe", "select name from thing limit 1")
    assert described.stdout.startswith("rows: optional")


def test_the_wheel_is_typed_and_whole(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/assay")
    assert (package / "py.typed").is_file()
    sources = {path.relative_to(ROOT / "src" / "assay") for path in (ROOT / "src" / "assay").rglob("*.py")}
    assert sources <= {path.relative_to(package) for path in package.rglob("*.py")}


def below(folder: Path) -> set[Path]:
    """The files below a folder, as seen from it."""
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_has_every_backend_less_its_tests(installed: Path) -> None:
    (package,) = installed.parent.glob("lib/python*/site-packages/assay")
    within = below(package / "demo" / "backends")
    there = {path for path in below(ROOT / "backends") if "tests" not in path.parts}
    assert len([path for path in within if path.name == "story.py" and path.parent.name != "common"]) == 5
    assert {path for path in there if path.suffix in (".py", ".sql", ".toml", ".example")} <= within
    assert not [path for path in within if "tests" in path.parts]


def test_the_demo_finds_the_backends_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    shown = run(installed, tmp_path, "demo")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.startswith("error: The demo needs annotated-types, argon2-cffi, ")
