"""``assay db``, on the embedded server and on one that DATABASE_URL names."""

from __future__ import annotations

import json
import os
import pty
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.servers import ask, fresh_home

from assay.config import DatabaseUrl
from assay.server import Server


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    yield from fresh_home()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one migration."""
    (tmp_path / "pyproject.toml").write_text(f'[tool.assay]\ndatabase = "shop_{secrets.token_hex(4)}"\n')
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_first.sql").write_text("create table thing (id int);\n")
    return tmp_path


@pytest.fixture
def url(server_18: DatabaseUrl) -> DatabaseUrl:
    """A database that does not exist, on a server that is not Assay's to start."""
    return server_18.with_database(f"test_{secrets.token_hex(6)}")


class Assay:
    """The command line, in a project."""

    def __init__(self, project: Path, home: Path, url: DatabaseUrl | None = None) -> None:
        environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.environ = {**environ, "ASSAY_HOME": str(home), **({"DATABASE_URL": url.reveal()} if url else {})}
        self.project = project

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "assay", "db", *arguments]
        return subprocess.run(
            command, cwd=self.project, env=self.environ, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )

    def ok(self, *arguments: str) -> str:
        done = self(*arguments)
        assert (done.returncode, done.stderr) == (0, ""), done
        return done.stdout

    def refused(self, *arguments: str) -> str:
        """The one sentence that the command ends with."""
        done = self(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    def at_a_terminal(self, answer: str, *arguments: str) -> tuple[int, str]:
        """The exit code and all that is printed, when a person answers the question."""
        above, below = pty.openpty()
        command = [sys.executable, "-m", "assay", "db", *arguments]
        process = subprocess.Popen(
            command, cwd=self.project, env=self.environ, stdin=below, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        os.write(above, answer.encode())
        said, _ = process.communicate()
        os.close(above)
        os.close(below)
        return process.returncode, said.decode()


@pytest.fixture
def assay(project: Path, state: Path) -> Assay:
    """Without a DATABASE_URL."""
    return Assay(project, state)


@pytest.fixture
def elsewhere(project: Path, state: Path, url: DatabaseUrl) -> Iterator[Assay]:
    """With a DATABASE_URL."""
    assay = Assay(project, state, url)
    yield assay
    assay.ok("drop", "--yes", "--force")


def test_database_of_the_project_is_created_and_dropped(assay: Assay) -> None:
    assert assay.ok("create").startswith('Created database "shop_')
    assert "There is database" in assay.ok("create")
    assert assay.ok("drop", "--yes").startswith('Dropped database "shop_')
    assert "Nothing was dropped" in assay.ok("drop", "-y")
    assert json.loads(assay.ok("create", "--output-format", "json"))["created"] is True
    assert json.loads(assay.ok("drop", "-y", "--output-format", "json"))["dropped"] is True


async def test_setup_creates_and_migrates(elsewhere: Assay, url: DatabaseUrl) -> None:
    said = elsewhere.ok("setup")
    assert "Created database" in said
    assert "1/migrate first" in said
    assert await ask(url, "select count(*) from thing") == 0
    assert "Created" not in elsewhere.ok("setup")


async def test_reset_begins_anew(elsewhere: Assay, url: DatabaseUrl) -> None:
    elsewhere.ok("setup")
    await ask(url, "insert into thing values (1)")
    assert "1/migrate first" in elsewhere.ok("reset", "-y")
    assert await ask(url, "select count(*) from thing") == 0


async def test_folder_of_the_migrations_can_be_given(elsewhere: Assay, project: Path, url: DatabaseUrl) -> None:
    (project / "migrations").rename(project / "changes")
    assert "1/migrate first" in elsewhere.ok("reset", "-y", "--source", "changes")
    answer = json.loads(elsewhere.ok("setup", "--source", "changes", "--output-format", "json"))
    assert answer["steps"] == []


def test_database_url_given_comes_before_the_environment(assay: Assay, url: DatabaseUrl) -> None:
    assert str(url.database) in assay.ok("create", "--database-url", url.reveal())
    assert str(url.database) in assay.ok("drop", "-y", "-D", url.reveal())


def test_drop_without_a_terminal_needs_a_yes(elsewhere: Assay) -> None:
    elsewhere.ok("create")
    assert "there is no terminal to ask on; add --yes" in elsewhere.refused("drop")
    assert "there is no terminal to ask on; add --yes" in elsewhere.refused("reset")
    assert "There is database" in elsewhere.ok("create")


def test_drop_at_a_terminal_asks(elsewhere: Assay, url: DatabaseUrl) -> None:
    elsewhere.ok("create")
    code, said = elsewhere.at_a_terminal("n\n", "drop")
    assert code == 0
    assert f'Drop database "{url.database}"' in said
    assert "Nothing was dropped" in said
    assert "There is database" in elsewhere.ok("create")
    code, said = elsewhere.at_a_terminal("y\n", "drop")
    assert code == 0
    assert "Dropped" in said


async def test_database_in_use_is_dropped_only_by_force(elsewhere: Assay, url: DatabaseUrl) -> None:
    elsewhere.ok("create")
    client = await asyncpg.connect(url.reveal())
    assert "in use by 1 other session" in elsewhere.refused("drop", "--yes")
    assert "Dropped" in elsewhere.ok("drop", "--yes", "--force")
    client.terminate()


def test_url_is_printed_without_its_password_unless_asked(project: Path, state: Path) -> None:
    assay = Assay(project, state, DatabaseUrl.parse("postgresql://app:hush%2Fhush@db.example:5433/shop"))
    assert assay.ok("url") == "postgresql://app:***@db.example:5433/shop\n"
    assert assay.ok("url", "--reveal") == "postgresql://app:hush%2Fhush@db.example:5433/shop\n"
    assert json.loads(assay.ok("url", "--output-format", "json")) == {
        "url": "postgresql://app:***@db.example:5433/shop"
    }


def test_url_of_the_embedded_database_is_printed(assay: Assay, state: Path) -> None:
    assert assay.ok("url").startswith("postgresql://postgres@/shop_")
    assert str(state) in assay.ok("url")


def test_unreachable_host_is_one_sentence(project: Path, state: Path) -> None:
    assay = Assay(project, state, DatabaseUrl.parse("postgresql://app:hush@127.0.0.1:1/shop"))
    for arguments in (["create"], ["drop", "-y"], ["setup"], ["reset", "-y"]):
        said = assay.refused(*arguments)
        assert 'database "shop" at 127.0.0.1:1: connection refused' in said
        assert "hush" not in said


def test_wrong_password_is_one_sentence(project: Path, state: Path, tmp_path: Path) -> None:
    server = Server.locate("18", home=state)
    server.stop()
    url = server.listen("127.0.0.1", 54399)
    try:
        wrong = DatabaseUrl("postgres", "hush", url.host, url.port, "shop")
        said = Assay(project, state, wrong).refused("create")
    finally:
        server.stop()
    assert 'database "shop" at 127.0.0.1:54399' in said
    assert 'did not accept the password for user "postgres"' in said
    assert "hush" not in said


def test_url_without_a_database_is_a_misuse(project: Path, state: Path) -> None:
    assay = Assay(project, state, DatabaseUrl.parse("postgresql://app@127.0.0.1:1/"))
    assert "names no database" in assay.refused("create")
