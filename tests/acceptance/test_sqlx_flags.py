"""The names and flags of sqlx-cli that are not of Assay's own making."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.fixtures.faultproxy import FaultProxy

from assay.config import DatabaseUrl


async def call(project: Path, *arguments: str, **environ: str) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of ``assay`` in a project, with no DATABASE_URL but the one given."""
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "assay", *arguments),
        cwd=project,
        env={**kept, **environ},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one migration, and a ``.env`` that names a database which nobody answers for."""
    (tmp_path / "pyproject.toml").write_text("[tool.assay]\n")
    (tmp_path / ".env").write_text("DATABASE_URL=postgresql://app@127.0.0.1:1/from_dotenv\n")
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "1_first.sql").write_text("create table thing (id int);\n")
    return tmp_path


@pytest.mark.parametrize("arguments", [("db", "url", "--no-dotenv"), ("--no-dotenv", "db", "url")], ids=" ".join)
@pytest.mark.usefixtures("assay_home")
async def test_without_dotenv_the_url_in_it_is_not_used(project: Path, arguments: tuple[str, ...]) -> None:
    _, found, _ = await call(project, "db", "url")
    assert "from_dotenv" in found
    code, output, _ = await call(project, *arguments)
    assert (code, output.startswith("postgresql://postgres@/"), "from_dotenv" in output) == (0, True, False)


@pytest.mark.parametrize(
    "command", ["migrate run", "migrate revert", "migrate info", "migrate override skip", "db setup", "db create"]
)
async def test_commands_that_connect_can_leave_dotenv_alone(
    project: Path, database_18: DatabaseUrl, command: str
) -> None:
    (project / ".env").write_text("this line is not NAME=value\n")
    words = command.split()
    refused = await call(project, *words, DATABASE_URL=database_18.reveal())
    assert (refused[0], ".env:1" in refused[2]) == (2, True)
    assert (await call(project, *words, "--no-dotenv", DATABASE_URL=database_18.reveal()))[0] == 0


async def test_the_variable_is_inherited_by_what_assay_starts(project: Path) -> None:
    code, output, _ = await call(
        project, "db", "url", ASSAY_NO_DOTENV="true", DATABASE_URL="postgresql://app@db.example/given"
    )
    assert (code, output) == (0, "postgresql://app@db.example/given\n")
    code, _, errors = await call(project, "db", "url", ASSAY_NO_DOTENV="perhaps")
    assert (code, "ASSAY_NO_DOTENV is 'perhaps'" in errors) == (2, True)


class Reluctant(FaultProxy):
    """Cuts the first connections, as a server that is starting does."""

    turned_away = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.refuses = self.turned_away < 3
        self.turned_away += self.refuses
        await super().serve(reader, writer)


@pytest.mark.parametrize("command", ["migrate run", "db setup", "db create"])
async def test_connect_timeout_waits_for_a_server_that_is_starting(
    project: Path, database_18: DatabaseUrl, command: str
) -> None:
    proxy = Reluctant(database_18)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    url = replace(database_18, host="127.0.0.1", port=port, options=(("sslmode", "disable"),)).reveal()
    try:
        at_once = await call(project, *command.split(), "-D", url)
        assert (at_once[0], proxy.turned_away) == (2, 1)
        waiting = await call(project, *command.split(), "-D", url, "--connect-timeout", "60")
        assert (waiting[0], proxy.turned_away) == (0, 3), waiting[2]
    finally:
        listener.close()
        await proxy.close()


async def test_connect_timeout_ends(project: Path) -> None:
    code, _, errors = await call(project, "migrate", "info", "--connect-timeout", "0.3")
    assert (code, "127.0.0.1:1: connection refused" in errors) == (2, True)
    code, _, errors = await call(project, "migrate", "info", "--connect-timeout", "0")
    assert (code, "Invalid value for '--connect-timeout'" in errors) == (2, True)


async def test_what_waiting_cannot_mend_is_said_at_once(project: Path, server_18: DatabaseUrl) -> None:
    url = server_18.with_database("assay_is_not_there").reveal()
    code, _, errors = await call(project, "migrate", "info", "-D", url, "--connect-timeout", "600")
    assert (code, "assay_is_not_there" in errors) == (2, True)


@pytest.mark.parametrize(("name", "own"), [("database", "db"), ("mig", "migrate")])
async def test_other_names_of_commands_are_sqlx_clis(project: Path, name: str, own: str) -> None:
    other, ours = [await call(project, word, "--help") for word in (name, own)]
    assert other[0] == ours[0] == 0
    assert other[1].replace(f"assay {name}", f"assay {own}") == ours[1]
    assert f"\n  {name} " not in (await call(project, "--help"))[1]


async def test_override_skip_is_skip(project: Path, database_18: DatabaseUrl) -> None:
    url = database_18.reveal()
    done = await call(project, "migrate", "override", "skip", "-D", url, "--target-version", "1")
    assert done[:2] == (0, "Recorded 1 first as applied\n")
    assert (await call(project, "migrate", "info", "-D", url))[1] == "1/installed first\n"


async def test_short_version_is_that_of_sqlx_cli(project: Path) -> None:
    assert await call(project, "-V") == await call(project, "--version")
