"""``assay check`` on modules that connect when they are imported: nothing is reached, and they are told."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

TOLD = "it connects to something when it is imported, which the check does not let it do"
FIX = 'leave at the module\'s top what defines things, and put what does things under if __name__ == "__main__"'

ASYNCPG = """\
import asyncio, os
import asyncpg

async def main() -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])  # here
    await connection.execute("insert into team (id, name) values ($1, 'x')", 1)
    await connection.close()

"""
PSYCOPG = """\
import os
import psycopg

def main() -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:  # here
        connection.execute("insert into team (id, name) values (%s, 'x')", (1,))

"""
SQLALCHEMY = """\
import os
from sqlalchemy import create_engine, text

engine = create_engine(os.environ["DATABASE_URL"].replace("postgresql:", "postgresql+psycopg:"))

def main() -> None:
    with engine.begin() as connection:  # here
        connection.execute(text("insert into team (id, name) values (:id, 'x')"), {"id": 1})

"""
ASSAY = """\
import asyncio, os
import assay

async def main() -> None:
    connection = await assay.connect(os.environ["DATABASE_URL"])  # here
    await connection.execute("insert into team (id, name) values ($1, 'x')", 1)
    await connection.close()

"""
SCRIPTS = {
    "asyncpg": f"{ASYNCPG}asyncio.run(main())\n",
    "asyncpg on uvloop": f"{ASYNCPG}import uvloop\nuvloop.run(main())\n",
    "psycopg": f"{PSYCOPG}main()\n",
    "sqlalchemy": f"{SQLALCHEMY}main()\n",
    "assay": f"{ASSAY}asyncio.run(main())\n",
}
SWALLOWED = {
    "asyncpg": f"{ASYNCPG}try:\n    asyncio.run(main())\nexcept BaseException:\n    pass\n",
    "psycopg": f"{PSYCOPG}try:\n    main()\nexcept BaseException:\n    pass\n",
    "a thread": f"{ASYNCPG}import threading\n"
    "thread = threading.Thread(target=lambda: asyncio.run(main()))\nthread.start()\nthread.join()\n",
    "later, in a thread": f"{PSYCOPG}import threading, time\n"
    "threading.Thread(target=lambda: [time.sleep(0.05), main()]).start()\n",
}


@pytest.fixture
async def project(tmp_path: Path, database_18: DatabaseUrl) -> Project:
    """With the database of its own that DATABASE_URL names, which has the project's tables."""
    made = make_project(tmp_path, database_18)
    connection = await asyncpg.connect(database_18.reveal())
    for path in sorted((tmp_path / "migrations").iterdir()):
        await connection.execute(path.read_text())
    await connection.close()
    return made


async def rows(project: Project) -> int:
    connection = await asyncpg.connect(project.server.reveal())
    try:
        found: int = await connection.fetchval("select count(*) from team")
    finally:
        await connection.close()
    return found


@pytest.mark.parametrize("name", SCRIPTS)
async def test_a_script_that_connects_reaches_nothing_and_is_told_at_that_line(project: Project, name: str) -> None:
    project.write("src/app/script.py", SCRIPTS[name])
    url = project.server.reveal()
    done = project.run("check", "--database-url", url, "--output-format", "json", DATABASE_URL=url)
    assert (done.err, await rows(project)) == ("", 0)
    (found,) = done.json["findings"]
    line = next(number for number, text in enumerate(SCRIPTS[name].splitlines(), 1) if "# here" in text)
    assert (found["code"], found["path"], found["line"]) == ("ASY103", "src/app/script.py", line)
    assert (found["message"], found["fix"]) == (f"src/app/script.py cannot be imported: {TOLD}", FIX)
    assert project.python("src/app/script.py", DATABASE_URL=url).code == 0
    assert await rows(project) == 1, "the script does connect when it is run"


@pytest.mark.parametrize("name", SWALLOWED)
async def test_a_connection_whose_failure_is_passed_over_was_not_made_either(project: Project, name: str) -> None:
    project.write("src/app/script.py", SWALLOWED[name])
    url = project.server.reveal()
    done = project.run("check", "--database-url", url, "--output-format", "json", DATABASE_URL=url)
    assert (done.json["findings"], done.json["proved"], await rows(project)) == ([], 5, 0)
    assert project.python("src/app/script.py", DATABASE_URL=url).code == 0
    assert await rows(project) == 1, "the script does connect when it is run"


LIBPQ = """\
import os
import psycopg
from psycopg import pq

connection = pq.PGconn.connect(os.environ["DATABASE_URL"].encode())
connection.exec_(b"insert into team (id, name) values (1, 'x')") if connection.status == 0 else None

def f(connection: psycopg.Connection, id: int) -> None:
    connection.execute("delete from team where id = %s", (id,))
"""


async def test_libpq_itself_is_kept_from_connecting(project: Project) -> None:
    project.write("src/app/script.py", LIBPQ)
    url = project.server.reveal()
    done = project.run("check", "--database-url", url, "--output-format", "json", DATABASE_URL=url)
    assert (done.json["findings"], done.json["proved"], await rows(project)) == ([], 5, 0)
    assert project.python("src/app/script.py", DATABASE_URL=url).code == 0
    assert await rows(project) == 1, "the script does connect when it is run"
