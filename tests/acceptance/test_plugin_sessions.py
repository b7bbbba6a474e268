"""Whole test sessions: many workers, several at once, killed, cut off from their server; and what is left of each."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.servers import eventually
from tests.fixtures.suites import Suite, make_suite

from assay.config import DatabaseUrl
from assay.server import Server
from assay.server.memory import memory_home
from assay.testing.names import PREFIX


@pytest.fixture(scope="module")
def server_18(module_home: Path) -> DatabaseUrl:
    """A server of this file's own, in memory."""
    return Server.locate("18", home=module_home).ensure_running()


@pytest.fixture
def in_memory(home: Path) -> Iterator[Path]:
    """The home in memory that stands in for a fresh home on disk."""
    found = memory_home(home)
    if found is None:
        pytest.skip("there is no file system in memory with room for a server")
    shutil.rmtree(found)
    yield found
    if found.is_dir():
        Server.locate("18", home=found).stop()
        shutil.rmtree(found)


def databases(server: DatabaseUrl, prefix: str = PREFIX) -> set[str]:
    """The databases whose names begin so."""

    async def names() -> set[str]:
        connection = await asyncpg.connect(server.reveal())
        rows = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", prefix)
        await connection.close()
        return {row[0] for row in rows}

    return asyncio.run(names())


def execute(url: DatabaseUrl, sql: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url.reveal())
        await connection.execute(sql)
        await connection.close()

    asyncio.run(run())


def long(*values: object) -> object:
    """Parameters for the runs that take long."""
    return pytest.param(*values, marks=pytest.mark.soak)


ALONE_AND_XDIST = pytest.mark.parametrize(
    "options", [pytest.param([], id="alone", marks=pytest.mark.soak), pytest.param(["-n2"], id="xdist")]
)
HALF_AND_HALF = """
import pytest

COUNT = "select count(*) from team"


@pytest.mark.parametrize("turn", range({count}))
async def test_rolled_back(assay_db, turn):
    assert await assay_db.fetch_one(int, COUNT) == 0
    await assay_db.execute("insert into team (name) values ('green'), ('blue')")
    assert await assay_db.fetch_one(int, COUNT) == 2


@pytest.mark.parametrize("turn", range({count}))
async def test_committed(assay_pool, turn):
    assert await assay_pool.fetch_one(int, COUNT) == 0
    async with assay_pool.transaction() as tx:
        assert await tx.fetch_one(int, "insert into team (name) values ('green') returning id") == 1
    assert await assay_pool.fetch_one(int, COUNT) == 1
"""


def test_500_tests_half_committing_under_4_workers_do_not_interfere(server_18: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server_18, HALF_AND_HALF.format(count=250))
    before = databases(server_18, "assay_template_")
    result = suite.run("-q", "-n4")
    assert (result.counts, result.code) == ({"passed": 500}, 0), result.out
    assert databases(server_18) == set()
    assert len(databases(server_18, "assay_template_") - before) <= 1


def test_two_sessions_at_once_share_the_server_and_the_template(server_18: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server_18, HALF_AND_HALF.format(count=10))
    suite.write("migrations/3_own.sql", "-- of this test\nselect 1;\n")
    before = databases(server_18, "assay_template_")
    sessions = [suite.start("-q", "-n2") for _ in range(2)]
    outputs = [session.communicate(timeout=120)[0] for session in sessions]
    assert [session.returncode for session in sessions] == [0, 0], outputs
    assert len(databases(server_18, "assay_template_") - before) == 1
    assert databases(server_18) == set()


@pytest.mark.soak
def test_branches_with_other_migrations_have_templates_of_their_own(server_18: DatabaseUrl, tmp_path: Path) -> None:
    tests = "async def test(assay_db): assert await assay_db.fetch_one(int, 'select count(*) from {}') == 0"
    for branch in ("main", "feature"):
        suite = make_suite(tmp_path / branch, server_18, tests.format(branch))
        suite.write("migrations/3_branch.sql", f"create table {branch} ();\n")
        assert suite.run("-q").code == 0
    assert Suite(tmp_path / "main", server_18).run("-q").code == 0


FAILING = """
import pytest


async def test_passes(assay_pool):
    await assay_pool.execute("insert into team (name) values ('green')")


async def test_fails(assay_pool):
    await assay_pool.execute("insert into team (name) values ('the one that failed')")
    assert await assay_pool.fetch_one(int, "select count(*) from team") == 2


@pytest.fixture
async def broken(assay_pool):
    raise ValueError


async def test_has_a_broken_fixture(broken):
    pass


@pytest.mark.xfail
async def test_is_known_to_fail(assay_pool):
    assert False
"""


@ALONE_AND_XDIST
def test_database_of_a_failed_test_is_kept_and_its_name_printed(
    server_18: DatabaseUrl, tmp_path: Path, options: list[str]
) -> None:
    suite = make_suite(tmp_path, server_18, FAILING)
    result = suite.run("-q", *options)
    assert result.counts == {"passed": 1, "failed": 1, "error": 1, "xfailed": 1}
    assert set(result.kept) == databases(server_18)
    assert len(result.kept) == 2
    (url,) = [url for url in re.findall(r"psql '(\S+)'", result.out) if "the one that failed" in teams(url)]
    assert DatabaseUrl.parse(url).database in result.kept
    suite.write("test_it.py", FAILING.partition("async def test_fails")[0])
    assert suite.run("-q", *options).code == 0
    assert databases(server_18) == set()


def teams(url: str) -> list[str]:
    async def names() -> list[str]:
        connection = await asyncpg.connect(url)
        rows = await connection.fetch("select name from team")
        await connection.close()
        return [row[0] for row in rows]

    return asyncio.run(names())


@pytest.mark.parametrize(
    "options", [["-x"], *map(long, (["--lf"], ["-p", "no:randomly"], ["--maxfail=1", "-n2"]))], ids=" ".join
)
def test_options_of_pytest_leave_nothing_else_behind(
    server_18: DatabaseUrl, tmp_path: Path, options: list[str]
) -> None:
    suite = make_suite(tmp_path, server_18, FAILING, settings=["keep-failed = 0"])
    suite.write("pyproject.toml", (tmp_path / "pyproject.toml").read_text().replace('"-p", "no:cacheprovider", ', ""))
    for _ in range(2):
        result = suite.run("-q", *options)
        assert (result.code in (1, 2), result.kept) == (True, []), result.out
        assert databases(server_18) == set()


SLOW = """
import asyncio
import pathlib
import pytest


@pytest.mark.parametrize("turn", range(4))
async def test_slow(assay_pool, assay_db, turn):
    pathlib.Path(f"running-{turn}").touch()
    await asyncio.sleep(60)
"""


@ALONE_AND_XDIST
def test_next_session_sweeps_up_after_one_that_was_killed(
    server_18: DatabaseUrl, tmp_path: Path, options: list[str]
) -> None:
    suite = make_suite(tmp_path, server_18, SLOW)
    session = suite.start("-q", *options)
    assert eventually(lambda: len([*tmp_path.glob("running-*")]) == (2 if options else 1), 60)
    os.killpg(session.pid, signal.SIGKILL)
    session.communicate()
    assert databases(server_18)
    suite.write("test_it.py", HALF_AND_HALF.format(count=1))
    assert suite.run("-q").code == 0
    assert databases(server_18) == set()


def test_session_does_not_sweep_up_what_another_is_using(server_18: DatabaseUrl, tmp_path: Path) -> None:
    session = make_suite(tmp_path / "slow", server_18, SLOW).start("-q", "-k", "0")
    assert eventually((tmp_path / "slow" / "running-0").exists, 60)
    used = databases(server_18)
    assert make_suite(tmp_path / "quick", server_18, HALF_AND_HALF.format(count=1)).run("-q").code == 0
    assert databases(server_18) == used
    os.killpg(session.pid, signal.SIGINT)
    out, _ = session.communicate(timeout=30)
    assert "KeyboardInterrupt" in out
    assert databases(server_18) == set()


def test_worker_that_dies_leaves_nothing_after_the_next_session(server_18: DatabaseUrl, tmp_path: Path) -> None:
    dying = "\n\nasync def test_dies(assay_pool):\n    import os\n    os.kill(os.getpid(), 9)\n"
    suite = make_suite(tmp_path, server_18, HALF_AND_HALF.format(count=5) + dying)
    result = suite.run("-q", "-n2")
    assert result.counts == {"passed": 10, "failed": 1}, result.out
    suite.write("test_it.py", HALF_AND_HALF.format(count=1))
    assert suite.run("-q").code == 0
    assert databases(server_18) == set()


@pytest.mark.parametrize("method", ["signal", long("thread")])
def test_test_that_runs_into_its_timeout_does_not_harm_the_others(
    server_18: DatabaseUrl, tmp_path: Path, method: str
) -> None:
    suite = make_suite(tmp_path, server_18, SLOW.replace("range(4)", "range(1)") + HALF_AND_HALF.format(count=2))
    result = suite.run("-q", "--timeout=2", f"--timeout-method={method}")
    if method == "signal":
        assert result.counts == {"passed": 4, "failed": 1}, result.out
    else:
        assert "Timeout" in result.out
    suite.write("test_it.py", HALF_AND_HALF.format(count=1))
    assert suite.run("-q").code == 0
    assert databases(server_18) == set()


UNTIDY = """
import asyncio
import asyncpg
import pytest

left = []


@pytest.mark.asyncio(loop_scope="module")
async def test_leaves_a_connection(assay_database_url):
    left.append(await asyncpg.connect(assay_database_url.reveal()))
    await left[0].execute("begin; insert into team (name) values ('green')")


@pytest.mark.asyncio(loop_scope="module")
async def test_leaves_a_task(assay_pool):
    left.append(asyncio.create_task(assay_pool.execute("select pg_sleep(60)")))
    await asyncio.sleep(0.05)


@pytest.mark.asyncio(loop_scope="module")
async def test_sees_nothing(assay_pool):
    assert await assay_pool.fetch_one(int, "select count(*) from team") == 0
    left[0].terminate()
    with pytest.raises(Exception):
        await left[1]
"""


def test_connections_and_tasks_left_behind_are_warned_of(server_18: DatabaseUrl, tmp_path: Path) -> None:
    result = make_suite(tmp_path, server_18, UNTIDY).run("-q", "-Wdefault")
    assert result.counts["passed"] == 3, result.out
    assert "LeftBehind: The test left 1 connection to its database open" in result.out
    assert "LeftBehind: The test left 1 connection of assay_pool in use" in result.out
    assert databases(server_18) == set()


@ALONE_AND_XDIST
def test_migration_that_fails_is_one_error_and_a_list_of_the_tests_concerned(
    server_18: DatabaseUrl, tmp_path: Path, options: list[str]
) -> None:
    suite = make_suite(tmp_path, server_18, HALF_AND_HALF.format(count=3))
    suite.write("test_other.py", HALF_AND_HALF.format(count=1) + "\n\ndef test_without_a_database(): pass\n")
    suite.write("migrations/3_wrong.sql", "create table fine ();\nselect nonsense;\n")
    result = suite.run("-q", *options)
    assert result.counts == {"passed": 1, "skipped": 7, "error": 1}, result.out
    assert result.out.count("ERROR at setup") == 1
    assert "3_wrong.sql:2:8" in result.out
    summary = result.out.partition("7 more tests had no database")[2]
    assert sum(map(int, re.findall(r"^ +(\d+)  test_it.py$", summary, re.MULTILINE))) in (5, 6)
    assert sum(map(int, re.findall(r"^ +(\d+)  test_\w+.py$", summary, re.MULTILINE))) == 7
    assert databases(server_18) == set()


def test_server_that_cannot_be_reached_is_one_error(tmp_path: Path) -> None:
    nowhere = DatabaseUrl.parse("postgresql://u:secret@127.0.0.1:1/nothing")
    result = make_suite(tmp_path, nowhere, HALF_AND_HALF.format(count=3)).run("-q")
    assert result.counts == {"skipped": 5, "error": 1}, result.out
    assert 'Cannot connect to database "nothing" at 127.0.0.1:1' in result.out
    assert "secret" not in result.out


GOING = """
import pytest
import signal
import os
from pathlib import Path

import assay
from assay.server import Server

HOME = Path("IN_MEMORY")
COUNT = "select count(*) from team"


async def use(executor):
    assert await executor.fetch_one(int, COUNT) == 0
    await executor.execute("insert into team (name) values ('green')")


@pytest.mark.parametrize("way", ["before", "stop", "kill"])
@pytest.mark.asyncio(loop_scope="module")
async def test_server_goes(assay_pool, assay_db, way):
    with pytest.raises(assay.ConnectionFailed) if way != "before" else pytest.MonkeyPatch.context():
        await use(assay_pool)
        server = Server.locate("18", home=HOME)
        if way == "stop":
            server.stop()
        elif way == "kill":
            os.kill(server.status().pid, signal.SIGKILL)
        while way != "before":  # a session may outlive its server for a moment
            await assay_pool.fetch_one(int, COUNT)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.asyncio(loop_scope="module")
async def test_pool_after_that(assay_pool, turn):
    await use(assay_pool)


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.asyncio(loop_scope="module")
async def test_db_after_that(assay_db, turn):
    await use(assay_db)
"""


def test_server_that_goes_during_a_session_comes_back(in_memory: Path, home: Path, tmp_path: Path) -> None:
    result = make_suite(tmp_path, None, GOING.replace("IN_MEMORY", str(in_memory)), home=home).run("-q", "-rN")
    assert result.counts["passed"] == 9, result.out
    assert result.counts["error"] == 2, result.out  # the tests during which it went are told of their connection
    url = Server.locate("18", home=in_memory).ensure_running()
    assert databases(url) == set()


def test_embedded_server_is_the_one_in_memory(in_memory: Path, home: Path, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, None, "async def test(assay_pool): print(assay_pool)", home=home)
    result = suite.run("-q", "-s")
    assert result.code == 0, result.out
    assert f"at {in_memory}/18/run" in result.out
    assert not Server.locate("18", home=home).status().running


def test_embedded_server_is_the_one_on_disk_when_the_settings_say_so(home: Path, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, None, HALF_AND_HALF.format(count=2), home=home, settings=["memory = false"])
    result = suite.run("-q")
    assert result.counts == {"passed": 4}, result.out
    assert databases(Server.locate("18", home=home).ensure_running()) == set()


@pytest.fixture
def small_memory(home: Path) -> Iterator[Path]:
    """A file system in memory that is soon full."""
    place = home / "memory"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=140m,mode=1777", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount file systems")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


FULL = """
import shutil
from pathlib import Path

import pytest

MEMORY = Path("SMALL_MEMORY")


def where(pool):
    return Path(repr(pool).partition(" at ")[2].partition("/18/run")[0])


async def test_in_memory(assay_pool):
    assert where(assay_pool).parent == MEMORY
    with open(MEMORY / "filler", "wb") as filler:
        filler.write(bytes(shutil.disk_usage(MEMORY).free - 3_000_000))


@pytest.mark.assay_seed
@pytest.mark.parametrize("turn", range(3))
async def test_on_disk(assay_pool, turn):
    assert where(assay_pool) == Path("ON_DISK")
    await assay_pool.execute("create table other ()")
"""
SMALL = """
from pathlib import Path

import assay.server.memory as memory
import assay.testing.places as places

memory.NEEDED = 0
places.memory_home = lambda: memory.memory_home(folder=Path("SMALL_MEMORY"))
"""


def test_memory_that_is_full_is_left_for_the_disk(small_memory: Path, home: Path, tmp_path: Path) -> None:
    tests = FULL.replace("SMALL_MEMORY", str(small_memory)).replace("ON_DISK", str(home))
    suite = make_suite(tmp_path / "project", None, tests, home=home)
    suite.write("conftest.py", SMALL.replace("SMALL_MEMORY", str(small_memory)))
    result = suite.run("-q")
    for found in small_memory.glob("assay-*"):
        Server.locate("18", home=found).stop()
    assert result.counts == {"passed": 4}, result.out
