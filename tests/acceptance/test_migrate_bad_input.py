"""Whatever is wrong, ``assay migrate run`` says it in one error, ends with 2, and leaves nothing half done."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from assay.config import DatabaseUrl
from assay.server import Server

SECRET = "hush-hush"
GOOD = b"create table good ();\n"


def run(folder: Path, url: DatabaseUrl) -> str:
    """Run the command, which has to fail as it should; gives the error."""
    done = subprocess.run(
        [sys.executable, "-m", "assay", "migrate", "run", "--source", str(folder)],
        env={**os.environ, "DATABASE_URL": url.reveal()},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    return done.stderr.removeprefix("error: ").rstrip("\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_good.sql").write_bytes(GOOD)
    return tmp_path


def relations(url: DatabaseUrl) -> list[str]:
    """Every table of the database's own."""

    async def look() -> list[str]:
        connection = await asyncpg.connect(url.reveal())
        query = (
            "select relname::text as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )
        names = [record["name"] for record in await connection.fetch(query)]
        await connection.close()
        return names

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("2_a.sql", b"\xef\xbb\xbfselect 1;", "2_a.sql begins with a byte order mark"),
        ("2_a.sql", b"select '\xff';", "2_a.sql:1: the byte 0xFF is not valid UTF-8"),
        ("2_a.sql", b"select '\0';", "2_a.sql:1: there is a NUL character"),
        ("01_again.sql", b"select 1;", "Version 1 is there twice, in"),
        ("2.sql", b"select 1;", "'2.sql' is not the name of a migration"),
        ("schema.sql", b"select 1;", "'schema.sql' is not the name of a migration"),
        (f"{'9' * 30}_a.sql", b"select 1;", "the version 999999999999999999999999999999 is too large"),
        ("-2_a.sql", b"select 1;", "'-2_a.sql' is not the name of a migration"),
        ("1_Good.sql", b"select 1;", "Version 1 is there twice, in"),
        ("2_a.down.sql", b"select 1;", "2_a.down.sql has no file that it reverts"),
        ("2_a.sql", b"select 1;\n\\i other.sql\n", "2_a.sql:2:1: \\i is a command of psql"),
        ("2_a.sql", b"\\c other\ncreate table b ();", "2_a.sql:1:1: \\c is a command of psql"),
        ("2_a.sql", b"-- a\r\n\\restrict x\r\n", "2_a.sql:2:1: \\restrict is a command of psql"),
        ("2_a.sql", b"select 1;\n  \\copy good from 'x'", "2_a.sql:2:3: \\copy is a command of psql"),
        ("2_a.sql", b"copy good from stdin;\n\\.\n", "2_a.sql:1:1: COPY FROM STDIN"),
        ("2_a b.sql", b"COPY public.t (a, b) FROM stdin (format csv);\n1,'\n\\.\n", "2_a b.sql:1:1: COPY FROM STDIN"),
    ],
)
async def test_a_bad_file_is_refused_before_anything_is_applied(
    database_18: DatabaseUrl, folder: Path, name: str, content: bytes, words: str
) -> None:
    (folder / name).write_bytes(content)
    assert words in await asyncio.to_thread(run, folder, database_18)
    assert await asyncio.to_thread(relations, database_18) == []


async def test_an_sql_error_is_named_with_file_line_and_column(database_18: DatabaseUrl, folder: Path) -> None:
    (folder / "1_good.sql").write_text("create table good ();\r\nselect 'ä', oops;\r\n", newline="")
    error = await asyncio.to_thread(run, folder, database_18)
    assert error.startswith(f'{folder}/1_good.sql:2:13: column "oops" does not exist')
    assert await asyncio.to_thread(relations, database_18) == ["_sqlx_migrations"]


async def test_an_edited_migration_is_named(database_18: DatabaseUrl, folder: Path) -> None:
    from assay import migrate

    await migrate.run(database_18, folder)
    (folder / "1_good.sql").write_bytes(GOOD + b"-- more\n")
    (folder / "2_b.sql").write_bytes(b"create table b ();")
    assert f"{folder}/1_good.sql was edited after" in await asyncio.to_thread(run, folder, database_18)
    (folder / "1_good.sql").write_bytes(GOOD.replace(b"\n", b"\r\n"))
    assert "was applied with LF line endings" in await asyncio.to_thread(run, folder, database_18)
    assert sorted(await asyncio.to_thread(relations, database_18)) == ["_sqlx_migrations", "good"]


def test_a_missing_folder_is_named(server_18: DatabaseUrl, tmp_path: Path) -> None:
    assert "There is no folder" in run(tmp_path / "none", server_18)


def test_an_empty_folder_is_named(server_18: DatabaseUrl, tmp_path: Path) -> None:
    assert "has no migrations" in run(tmp_path, server_18)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every folder")
def test_a_folder_that_cannot_be_read_is_named(server_18: DatabaseUrl, folder: Path) -> None:
    folder.chmod(0)
    try:
        assert "cannot be read: Permission denied" in run(folder, server_18)
    finally:
        folder.chmod(0o700)


def test_a_missing_database_is_named(server_18: DatabaseUrl, folder: Path) -> None:
    error = run(folder, replace(server_18.with_database("nowhere_at_all"), password=SECRET))
    assert 'Cannot connect to database "nowhere_at_all"' in error
    assert "create it with: assay db create" in error


def test_an_unreachable_host_is_named(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = DatabaseUrl("somebody", SECRET, "127.0.0.1", free.getsockname()[1], "app")
    error = run(folder, url)
    assert f'Cannot connect to database "app" at 127.0.0.1:{url.port}: connection refused' in error


def test_an_unknown_host_is_named(folder: Path) -> None:
    assert "the host name is not known" in run(folder, DatabaseUrl("a", SECRET, "db.invalid", None, "app"))


def test_a_wrong_password_is_not_shown(module_home: Path, folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = Server.locate("18", home=module_home).listen("127.0.0.1", port)
    error = run(folder, replace(url, password=SECRET))
    assert 'did not accept the password for user "postgres"' in error
