"""Files that a careless reader of SQL or of file names would trip over are applied as psql would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay import migrate
from assay.config import DatabaseUrl

NESTED = """
create function outer_one(n int) returns text language plpgsql as $a$
declare
    found text;
begin
    execute $$ select $b$;$b$ || $b$ $ $1 'it''s' -- no comment $b$ $$ into found;
    /* ; $a */
    return found || $c$$$;$$$c$ || n;
end
$a$;
do $_ä$ begin perform outer_one(1); end $_ä$;
create table said as select outer_one(2) as text;
"""


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_bytes(text.encode())
    return folder


async def test_dollar_quotes_within_dollar_quotes(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    await migrate.run(database, write(tmp_path, "1_nested.sql", NESTED))
    assert await driver.fetchval("select text from said") == "; $ $1 'it''s' -- no comment $$;$$2"


async def test_carriage_returns_before_line_feeds(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    text = "-- no-transaction\n-- lock-timeout: 5s\ncreate table a (x text);\ninsert into a values ('1\n2');\n"
    await migrate.run(database, write(tmp_path, "1_a.sql", text.replace("\n", "\r\n")))
    assert await driver.fetchval("select x from a") == "1\r\n2"
    assert [status.state for status in await migrate.info(database, tmp_path)] == [migrate.State.INSTALLED]


async def test_a_name_with_spaces_and_quotes(database: DatabaseUrl, driver: Any, tmp_path: Path) -> None:
    name = '1_it\'s a "name" \\ größe $1 %s.sql'
    await migrate.run(database, write(tmp_path, name, "create table a ();"))
    assert await driver.fetchval("select description from _sqlx_migrations") == name[2:-4]
    assert [status.state for status in await migrate.info(database, tmp_path)] == [migrate.State.INSTALLED]


def many_statements(size: int) -> Iterator[str]:
    yield "create table big (id int, note text);\n"
    row = "insert into big (id, note) values (1, 'It''s a note; with a semicolon, and some more of it');\n"
    yield from [row] * (size // len(row))


def many_rows(size: int) -> Iterator[str]:
    yield "create table big (id int, note text);\n"
    values = ",\n".join(["(1, 'It''s a note; with a semicolon')"] * 1000)
    yield from [f"insert into big (id, note) values\n{values};\n"] * (size // len(values))


def one_literal(size: int) -> Iterator[str]:
    yield "create table big (note text);\ninsert into big values ('"
    yield from ["It''s a long note; "] * (size // 19)
    yield "');\n"


SHAPES = pytest.mark.parametrize("shape", [many_statements, many_rows, one_literal])


MEASURED = """
import sys
from assay.cli import main
try:
    main()
finally:
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM:")), file=sys.stderr)
"""
"""The command, which tells the most memory that it had at a time, in kB (proc(5))."""

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc to measure memory with")


def assert_memory_stays_low(database: DatabaseUrl, folder: Path, shape: Any, size: int) -> None:
    """Apply a file of so many bytes with the whole command, which may take six times that, and 64 MB for itself."""
    with (folder / "1_big.sql").open("w") as file:
        file.writelines(shape(size))
    command = [sys.executable, "-c", MEASURED, "migrate", "run", "--source", str(folder), "-D", database.reveal()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    most = int(done.stderr.split()[-1]) * 1024
    print(f"{shape.__name__}: {most / 1e6:.0f} MB for {size / 1e6:.0f} MB; {done.stdout.strip()}")
    assert most < 6 * size + 64_000_000


@on_linux
@SHAPES
def test_a_file_of_some_megabytes(database_18: DatabaseUrl, tmp_path: Path, shape: Any) -> None:
    assert_memory_stays_low(database_18, tmp_path, shape, 2_000_000 if shape is many_statements else 10_000_000)


@on_linux
@pytest.mark.soak
@pytest.mark.timeout(1800)
@SHAPES
def test_soak_a_file_of_a_hundred_megabytes(database_18: DatabaseUrl, tmp_path: Path, shape: Any) -> None:
    assert_memory_stays_low(database_18, tmp_path, shape, 100_000_000)
