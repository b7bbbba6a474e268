"""The plugin's fixtures in projects of their own, run by pytest as a person runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.conftest import VERSIONS
from tests.fixtures.suites import Suite, make_suite

from assay.config import DatabaseUrl
from assay.server import Server
from assay.testing.names import PREFIX


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest, module_home: Path) -> DatabaseUrl:
    """Servers of this file's own, in memory."""
    return Server.locate(request.param, home=module_home).ensure_running()


@pytest.fixture(scope="module")
def server_18(module_home: Path) -> DatabaseUrl:
    return Server.locate("18", home=module_home).ensure_running()


def left_on(server: DatabaseUrl) -> set[str]:
    """The databases of tests that are there."""

    async def names() -> set[str]:
        connection = await asyncpg.connect(server.reveal())
        rows = await connection.fetch("select datname from pg_database where starts_with(datname, $1)", PREFIX)
        await connection.close()
        return {row[0] for row in rows}

    return asyncio.run(names())


@pytest.fixture(autouse=True)
def nothing_left(module_home: Path) -> Iterator[None]:
    """No test leaves a database behind on any server."""
    yield
    for version in ("18", "15"):
        status = Server.locate(version, home=module_home).status()
        assert status.url is None or left_on(status.url) == set()


PASSING = """
import pytest

pytestmark = pytest.mark.parametrize("turn", range(3))
COUNT = "select count(*) from team"


async def test_rolled_back(assay_db, turn):
    assert await assay_db.fetch_one(int, COUNT) == 0
    await assay_db.execute("insert into team (name) values ('green')")
    assert await assay_db.fetch_one(int, COUNT) == 1


async def test_savepoints(assay_db, turn):
    async with assay_db.transaction() as outer:
        await outer.execute("insert into team (name) values ('green')")
        with pytest.raises(ZeroDivisionError):
            async with outer.transaction() as inner:
                await inner.execute("insert into team (name) values ('blue')")
                1 / 0
    assert await assay_db.fetch_all(str, "select name from team") == ["green"]


async def test_committed(assay_pool, turn):
    assert await assay_pool.fetch_one(int, COUNT) == 0
    assert await assay_pool.fetch_one(int, "insert into team (name) values ('green') returning id") == 1


async def test_by_url(assay_database_url, turn):
    import asyncpg

    connection = await asyncpg.connect(assay_database_url.reveal())
    assert await connection.fetchval(COUNT) == 0
    await connection.execute("insert into team (name) values ('green')")
    await connection.close()


async def test_one_database_for_all_fixtures_of_a_test(assay_db, assay_pool, assay_database_url, turn):
    name = await assay_pool.fetch_one(str, "select current_database()")
    assert await assay_db.fetch_one(str, "select current_database()") == name == assay_database_url.database
    await assay_pool.execute("insert into team (name) values ('green')")
    assert await assay_db.fetch_one(int, COUNT) == 1


@pytest.mark.assay_seed
async def test_common_seeds(assay_db, turn):
    assert await assay_db.fetch_one(int, COUNT) == 2
    assert await assay_db.fetch_one(int, "select count(*) from person") == 0


@pytest.mark.assay_seed("dev")
class TestSeeded:
    async def test_seeds(self, assay_db, turn):
        assert await assay_db.fetch_one(int, "select count(*) from person") == 2
        await assay_db.execute("delete from person")

    async def test_seeds_of_a_pool(self, assay_pool, turn):
        assert await assay_pool.fetch_one(int, "select count(*) from person") == 2
        await assay_pool.execute("delete from person")

    @pytest.mark.assay_seed(False)
    async def test_the_nearest_marker_holds(self, assay_db, turn):
        assert await assay_db.fetch_one(int, COUNT) == 0


async def test_cancelled_statement_leaves_the_transaction_as_it_is(assay_db, turn):
    import asyncio

    await assay_db.execute("insert into team (name) values ('green')")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05), assay_db.transaction():
            await assay_db.execute("select pg_sleep(10)")
    assert await assay_db.fetch_one(int, COUNT) == 1


async def test_settings_of_the_session_do_not_stay(assay_db, turn):
    assert await assay_db.fetch_one(str, "show work_mem") == "4MB"
    assert await assay_db.fetch_one(bool, "select pg_try_advisory_lock(1)")
    await assay_db.execute("set work_mem = '8MB'")


async def test_the_driver_does_not_stay_changed(assay_db, turn):
    assert await assay_db.fetch_one(str, "select '[1]'::json::text") == "[1]"
    assert await assay_db.driver.fetchval("select '[1]'::json") == "[1]"
    await assay_db.driver.set_type_codec("json", schema="pg_catalog", encoder=str, decoder=len)
    async with assay_db.driver.transaction():
        await assay_db.driver.execute("prepare p as select 1")
"""


SYNC = """
import pytest

pytestmark = pytest.mark.parametrize("turn", range(3))
COUNT = "select count(*) from team"


def test_rolled_back(assay_sync_db, turn):
    assert assay_sync_db.fetch_one(int, COUNT) == 0
    assay_sync_db.execute("insert into team (name) values ('green')")
    with pytest.raises(ZeroDivisionError), assay_sync_db.transaction() as inner:
        inner.execute("insert into team (name) values ('blue')")
        1 / 0
    assert assay_sync_db.fetch_all(str, "select name from team") == ["green"]


def test_committed(assay_sync_pool, turn):
    assert assay_sync_pool.fetch_one(int, "insert into team (name) values ('green') returning id") == 1


def test_one_database_for_all_fixtures_of_a_test(assay_sync_db, assay_sync_pool, assay_database_url, turn):
    assert assay_sync_pool.fetch_one(str, "select current_database()") == assay_database_url.database
    assay_sync_pool.execute("insert into team (name) values ('green')")
    assert assay_sync_db.fetch_one(int, COUNT) == 1


def test_settings_of_the_session_do_not_stay(assay_sync_db, turn):
    assert assay_sync_db.fetch_one(str, "show work_mem") == "4MB"
    assay_sync_db.execute("set work_mem = '8MB'")
    assay_sync_db.driver.execute("prepare p as select 1")


@pytest.mark.assay_seed("dev")
def test_seeds(assay_sync_db, turn):
    assert assay_sync_db.fetch_one(int, "select count(*) from person") == 2


async def test_both_surfaces(assay_db, assay_sync_db, turn):
    assert await assay_db.fetch_one(int, COUNT) == assay_sync_db.fetch_one(int, COUNT) == 0
"""


def test_tests_see_nothing_of_each_other(server: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server, PASSING)
    suite.write("test_sync.py", SYNC)
    result = suite.run("-q")
    assert (result.counts, result.code) == ({"passed": 54}, 0), result.out
    assert left_on(server) == set()


LOOPS = """
import asyncio

import pytest

COUNT = "select count(*) from team"
LOOPS = {}


@pytest.fixture
async def green(assay_db):
    await assay_db.execute("insert into team (name) values ('green')")
    yield "green"
    assert await assay_db.fetch_one(int, COUNT) == 1


class Uses:
    @pytest.mark.parametrize("turn", range(3))
    async def test_both(self, assay_db, assay_pool, turn):
        LOOPS.setdefault(type(self), []).append(asyncio.get_running_loop())
        assert await assay_db.fetch_one(int, COUNT) == 0
        await assay_pool.execute("insert into team (name) values ('green')")
        assert await assay_db.fetch_one(int, COUNT) == 1

    @pytest.mark.parametrize("turn", range(3))
    async def test_rolled_back(self, assay_db, turn):
        assert await assay_db.fetch_one(int, COUNT) == 0
        await assay_db.execute("insert into team (name) values ('green')")
"""
LOOPS += "".join(
    f"""

@pytest.mark.asyncio(loop_scope="{scope}")
class Test{scope.title()}(Uses):
    def test_loops(self):
        assert len(set(LOOPS[type(self)])) == {3 if scope == "function" else 1}
"""
    for scope in ("function", "class", "module", "package", "session")
)
FIXTURES = """
import pytest


@pytest.fixture
async def green(assay_db):
    await assay_db.execute("insert into team (name) values ('green')")
    yield
    assert await assay_db.fetch_one(int, "select count(*) from team") == 2


@pytest.mark.parametrize("turn", range(3))
async def test_fixtures_use_the_same_transaction(green, assay_db, turn):
    await assay_db.execute("insert into team (name) values ('blue')")
"""


def test_loops_of_any_scope_and_mode(server_18: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server_18, LOOPS.replace("    def test_loops", "    async def test_loops"))
    result = suite.run("-q", "--asyncio-mode=strict")
    assert (result.counts, result.code) == ({"passed": 35}, 0), result.out


@pytest.mark.parametrize("scope", [pytest.param("function", marks=pytest.mark.soak), "session"])
def test_fixtures_of_the_test_run_on_its_loop(server_18: DatabaseUrl, tmp_path: Path, scope: str) -> None:
    suite = make_suite(tmp_path, server_18, FIXTURES)
    options = [f"-oasyncio_default_{kind}_loop_scope={scope}" for kind in ("test", "fixture")]
    result = suite.run("-q", *options)
    assert (result.counts, result.code) == ({"passed": 3}, 0), result.out


ANYIO = """
import asyncio

import pytest

pytestmark = pytest.mark.anyio
BACKENDS = {"asyncio": "asyncio", "uvloop": ("asyncio", {"use_uvloop": True}), "trio": "trio"}


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def anyio_backend(request):
    return BACKENDS[request.param]


@pytest.fixture
async def green(assay_db):
    await assay_db.execute("insert into team (name) values ('green')")


@pytest.mark.parametrize("turn", range(2))
async def test_db(assay_db, green, turn):
    assert await assay_db.fetch_one(int, "select count(*) from team") == 1
    async with assay_db.transaction() as tx:
        await tx.execute("insert into team (name) values ('blue')")


@pytest.mark.parametrize("turn", range(2))
async def test_pool(assay_pool, turn):
    assert await assay_pool.fetch_one(int, "select count(*) from team") == 0
    await assay_pool.execute("insert into team (name) values ('green')")
"""
BY_MODULE = """

@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def shared():
    yield asyncio.get_running_loop()


async def test_loop_is_shared(shared, assay_db):
    assert asyncio.get_running_loop() is shared
"""


def anyio_suite(folder: Path, server: DatabaseUrl, tests: str) -> Suite:
    suite = make_suite(folder, server, tests)
    suite.write("pyproject.toml", "[tool.assay]\n[tool.pytest.ini_options]\nfilterwarnings = ['error']\n")
    return suite


def test_anyio_runs_both_styles_of_loop_and_trio_is_refused(server_18: DatabaseUrl, tmp_path: Path) -> None:
    result = anyio_suite(tmp_path, server_18, ANYIO).run("-q", "-p", "no:asyncio")
    assert result.counts == {"passed": 8, "error": 4}, result.out
    for name in ("assay_db", "assay_pool"):
        assert f"{name} works on asyncio, as the driver does, and this test runs on trio" in result.out


def test_anyio_with_a_loop_that_tests_share(server_18: DatabaseUrl, tmp_path: Path) -> None:
    own = ANYIO.index("@pytest.fixture(params"), ANYIO.index("@pytest.fixture\nasync def green")
    suite = anyio_suite(tmp_path, server_18, ANYIO[: own[0]] + ANYIO[own[1] :] + BY_MODULE)
    result = suite.run("-q", "-p", "no:asyncio")
    assert (result.counts, result.code) == ({"passed": 5}, 0), result.out


OTHER_SETTINGS = """
from pathlib import Path

import pytest

from assay.config import load_settings


@pytest.fixture
def assay_settings():
    return load_settings(Path(__file__).parent / "other")
"""


def test_settings_that_are_defined_anew_hold_for_all_fixtures(server_18: DatabaseUrl, tmp_path: Path) -> None:
    tests = "async def test(assay_{0}): assert await assay_{0}.fetch_one(int, 'select count(*) from other') == {1}"
    suite = make_suite(tmp_path, server_18)
    suite.write("conftest.py", OTHER_SETTINGS)
    suite.write("other/pyproject.toml", "[tool.assay]")
    suite.write("other/migrations/1_other.sql", "create table other ();")
    for name in ("db", "pool"):
        suite.write(f"test_{name}.py", tests.format(name, 0))
    failing = suite.write("test_fails.py", tests.format("pool", 1))
    result = suite.run("-q")
    assert result.counts == {"passed": 2, "failed": 1}, result.out
    assert set(result.kept) == left_on(server_18)
    failing.unlink()
    assert suite.run("-q").code == 0
    assert left_on(server_18) == set()


SEVERAL_SETTINGS = """
from pathlib import Path

import pytest

from assay.config import load_settings


@pytest.fixture(params=["one", "two"])
def assay_settings(request):
    return load_settings(Path(__file__).parent / request.param)
"""


@pytest.mark.parametrize("name", ["db", "pool", "sync_db", "sync_pool"])
def test_a_test_runs_once_for_each_of_several_settings(server_18: DatabaseUrl, tmp_path: Path, name: str) -> None:
    suite = make_suite(tmp_path, server_18)
    suite.write("conftest.py", SEVERAL_SETTINGS)
    for folder in ("one", "two"):
        suite.write(f"{folder}/pyproject.toml", "[tool.assay]")
        suite.write(f"{folder}/migrations/1_{folder}.sql", "create table other (); create table another ();")
    word, wait = ("", "") if name.startswith("sync") else ("async ", "await ")
    suite.write("test_it.py", f"{word}def test(assay_{name}): {wait}assay_{name}.execute('select from other, another')")
    result = suite.run("-q")
    assert result.counts == {"passed": 2}, result.out


SPOILING = """
import pytest


@pytest.mark.parametrize("statement", ["commit", "rollback", "abort; insert into team (name) values ('green')",
    "commit; begin", "select pg_terminate_backend(pg_backend_pid())"])
async def test_spoils(assay_db, statement):
    await assay_db.execute("insert into team (name) values ('red')")
    try:
        await assay_db.execute(statement)
    except Exception:
        pass


async def test_leaves_a_task_behind(assay_db):
    import asyncio

    asyncio.get_running_loop().left = asyncio.create_task(assay_db.execute("select pg_sleep(60)"))
    await asyncio.sleep(0.05)


async def test_closes(assay_db):
    await assay_db.close()


async def test_sees_nothing(assay_db):
    assert await assay_db.fetch_one(int, "select count(*) from team") == 0
"""


@pytest.mark.parametrize("scope", [pytest.param("function", marks=pytest.mark.soak), "session"])
def test_what_a_rollback_cannot_undo_is_told_and_does_not_stay(server: DatabaseUrl, tmp_path: Path, scope: str) -> None:
    options = [f"-oasyncio_default_{kind}_loop_scope={scope}" for kind in ("test", "fixture")]
    result = make_suite(tmp_path, server, SPOILING).run("-q", "-rN", *options)
    assert result.counts == {"passed": 7, "error": 6, "failed": 1}, result.out
    assert result.out.count("The test ended the transaction of assay_db itself") == 4
    assert "The connection of assay_db was lost or cut during the test" in result.out
    assert "A task of the test was still running a statement on assay_db" in result.out
    assert "assay_db is closed by the plugin when the test is over" in result.out
    assert left_on(server) == set()


SYNC_SPOILING = """
import threading

import pytest


@pytest.mark.parametrize("statement", ["commit", "rollback; insert into team (name) values ('green')",
    "select pg_terminate_backend(pg_backend_pid())"])
def test_spoils(assay_sync_db, statement):
    assay_sync_db.execute("insert into team (name) values ('red')")
    try:
        assay_sync_db.execute(statement)
    except Exception:
        pass


def test_leaves_a_thread_behind(assay_sync_db):
    import time

    def sleep():
        with pytest.raises(Exception):
            assay_sync_db.execute("select pg_sleep(60)")

    threading.Thread(target=sleep).start()
    time.sleep(0.1)


def test_sees_nothing(assay_sync_db):
    assert assay_sync_db.fetch_one(int, "select count(*) from team") == 0
"""


def test_what_a_rollback_cannot_undo_is_told_on_the_sync_surface(server_18: DatabaseUrl, tmp_path: Path) -> None:
    result = make_suite(tmp_path, server_18, SYNC_SPOILING).run("-q", "-rN")
    assert result.counts == {"passed": 5, "error": 4}, result.out
    assert result.out.count("The test ended the transaction of assay_sync_db itself") == 2
    assert "The connection of assay_sync_db was lost or cut during the test" in result.out
    assert "A thread of the test was still running a statement on assay_sync_db" in result.out


WRONG = {
    "def test(assay_db): pass": "assay_db is for asynchronous tests, and test is not one",
    "import pytest\n@pytest.mark.assay_seed('prod')\nasync def test(assay_db): pass": "no environment 'prod'",
    "import pytest\n@pytest.mark.assay_seed(7)\nasync def test(assay_db): pass": "What pytest.mark.assay_seed takes",
}


def test_what_cannot_work_is_told_in_a_sentence(server_18: DatabaseUrl, tmp_path: Path) -> None:
    suite = make_suite(tmp_path, server_18)
    for number, test in enumerate(WRONG):
        suite.write(f"test_{number}.py", test)
    result = suite.run("-q", "--asyncio-mode=auto", "--tb=short")
    for sentence in WRONG.values():
        assert sentence in result.out
    assert result.counts == {"error": 3}
