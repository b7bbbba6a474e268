"""``assay server``, as a person uses it."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.fixtures.servers import fresh_home, running_in


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project without anything in it."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "pyproject.toml").write_text('[tool.assay]\ndatabase = "shop"\n')
    return folder


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    yield from fresh_home()


@pytest.fixture
def assay(project: Path, state: Path) -> Assay:
    return Assay(project, state)


class Assay:
    """The command line, in a project, with a home for its servers."""

    def __init__(self, project: Path, home: Path) -> None:
        self.project, self.home = project, home

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return subprocess.run(
            [sys.executable, "-m", "assay", *arguments],
            cwd=self.project,
            env={**environment, "ASSAY_HOME": str(self.home), **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def ok(self, *arguments: str, **environ: str) -> str:
        """What the command prints, which must succeed and have nothing to complain about."""
        done = self(*arguments, **environ)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def json(self, *arguments: str) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.ok(*arguments, "--output-format", "json"))
        return answer

    def refused(self, *arguments: str, **environ: str) -> str:
        """The one error that the command ends with."""
        done = self(*arguments, **environ)
        assert done.returncode == 2, done
        assert done.stdout == ""
        assert done.stderr.startswith(("error: ", "Usage: "))
        return done.stderr


def test_server_is_started_looked_at_and_stopped(assay: Assay) -> None:
    status = assay("server", "status")
    assert status.returncode == 1
    assert "does not run" in status.stdout

    started = assay.ok("server", "start")
    assert "is ready (" in started
    assert f"postgresql://postgres@/postgres?host={assay.home}" in started
    assert assay.ok("server", "start").count("\n") == 2

    text = assay.ok("server", "status")
    assert "runs as process" in text
    facts = assay.json("server", "status")
    assert facts["running"] is True
    assert facts["tcp"] is None
    assert str(facts["version"]).startswith("18.")
    assert assay.ok("server", "url").strip() == facts["url"]

    assert assay.ok("server", "stop") == "Stopped.\n"
    assert assay.ok("server", "stop") == "It was not running.\n"
    assert running_in(assay.home) == []


def test_json_tells_what_happened(assay: Assay) -> None:
    assert assay.json("server", "start")["running"] is True
    assert assay.json("server", "stop") == {"stopped": True}
    assert assay.json("server", "stop") == {"stopped": False}
    status = assay("server", "status", "--output-format", "json")
    assert (status.returncode, json.loads(status.stdout)["running"]) == (1, False)


def test_shell_opens_the_projects_database(assay: Assay) -> None:
    assert assay.ok("server", "shell", "-Atc", "select current_database()") == "shop\n"


def test_shell_hides_the_password_from_the_list_of_processes(assay: Assay) -> None:
    done = assay(
        "server",
        "shell",
        "-Atc",
        "select 1",
        DATABASE_URL="postgresql://app:hush-hush@127.0.0.1:1/shop?connect_timeout=5",
    )
    assert done.returncode != 0
    assert "hush-hush" not in done.stderr + done.stdout


@pytest.mark.skipif(not Path("/usr/lib/postgresql/15/bin/postgres").exists(), reason="no PostgreSQL 15 here")
def test_other_version_is_picked_by_an_option(assay: Assay) -> None:
    assert assay.ok("server", "shell", "--server", "15", "-Atc", "show server_version_num").startswith("15")
    assert assay.json("server", "stop", "--server", "15") == {"stopped": True}


def test_tcp_is_opened_when_asked_for_with_a_password(assay: Assay) -> None:
    assay.ok("server", "stop")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = assay.ok("server", "start", "--listen", "127.0.0.1", "--port", str(port))
    assert f"postgresql://postgres:***@127.0.0.1:{port}/postgres" in started
    url = assay.ok("server", "url").strip()
    password = url.split(":")[2].split("@")[0]
    assert len(password) >= 24
    assert assay.ok("server", "shell", "-Atc", "select inet_server_port()", DATABASE_URL=url) == f"{port}\n"
    assert password not in assay.ok("server", "status") + json.dumps(assay.json("server", "status"))
    assert stat.S_IMODE((assay.home / "18" / "password").stat().st_mode) == 0o600
    assert "stop it first" in assay.refused("server", "start", "--listen", "127.0.0.1", "--port", str(port - 1))
    assay.ok("server", "stop")


def test_port_without_an_address_is_a_misuse(assay: Assay) -> None:
    assert "add --listen 127.0.0.1" in assay.refused("server", "start", "--port", "5000")


def test_version_that_is_not_there_says_what_to_do(assay: Assay) -> None:
    assert "no PostgreSQL 29 on this machine" in assay.refused("server", "start", "--server", "29")
    assert "is not a major version" in assay.refused("server", "start", "--server", "x")


def test_idle_timeout_of_the_project_is_kept_to(assay: Assay, project: Path) -> None:
    assay.ok("server", "stop")
    assay.ok("server", "start", "--idle-timeout", "0.5")
    deadline = time.monotonic() + 20
    while running_in(assay.home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running_in(assay.home) == []
