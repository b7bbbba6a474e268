"""The embedded server: started from nothing, shared, looked at and stopped."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest
from tests.fixtures.servers import ask, eventually, python, running_in

from assay import errors
from assay.config import load_settings
from assay.server import Server, for_settings
from assay.server.processes import command_line, is_alive

ENSURE = """
import sys
from pathlib import Path
from assay.server import Server
print(Server.locate("18", home=Path(sys.argv[1])).ensure_running(), flush=True)
"""


@pytest.fixture(scope="module")
def running(module_home: Path) -> Server:
    """A server that runs, for the tests that leave it running."""
    server = Server.locate("18", home=module_home)
    server.ensure_running()
    return server


def test_locating_a_server_creates_nothing(home: Path) -> None:
    server = Server.locate("18", home=home / "deep" / "down")
    assert not server.status().running
    assert not server.stop()
    assert list(home.iterdir()) == []


async def test_server_starts_from_nothing_and_stops_without_a_trace(embedded: Server, home: Path) -> None:
    url = embedded.ensure_running()
    assert await ask(url, "select current_database() || ' ' || current_user") == "postgres postgres"
    pid = embedded.status().pid
    assert pid is not None
    assert embedded.stop()
    assert not is_alive(pid)
    assert running_in(home) == []
    assert not embedded.stop()


def test_stopped_server_keeps_its_data(embedded: Server) -> None:
    embedded.ensure_database("kept")
    embedded.stop()
    before = embedded.status().size
    assert before > 10_000_000
    embedded.ensure_running()
    assert (embedded.layout.data / "PG_VERSION").read_text() == "18\n"
    assert embedded.ensure_database("kept").database == "kept"


async def test_asking_again_gives_the_same_server(running: Server) -> None:
    pid = running.status().pid
    url = running.ensure_running()
    assert url == Server.locate("18", home=running.layout.home).ensure_running()
    assert running.status().pid == pid


def test_status_tells_what_there_is(running: Server) -> None:
    status = running.status()
    assert status.running
    assert status.version.startswith("18.")
    assert status.url == running.ensure_running()
    assert status.data.is_dir()
    assert status.log.is_file()
    assert status.size > 10_000_000


async def test_server_never_listens_on_tcp_unless_asked(running: Server) -> None:
    url = running.ensure_running()
    assert await ask(url, "show listen_addresses") == ""
    assert running.tcp_url() is None
    assert url.host is not None
    folder = Path(url.host)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert folder.stat().st_uid != 0


async def test_settings_are_those_for_development_and_tests(running: Server) -> None:
    url = running.ensure_running()
    expected = {
        "fsync": "off",
        "full_page_writes": "off",
        "synchronous_commit": "off",
        "shared_buffers": "16MB",
        "wal_level": "replica",
        "max_connections": "200",
        "jit": "off",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
    }
    assert {name: await ask(url, f"show {name}") for name in expected} == expected


async def test_text_sorts_by_code_point_and_knows_the_case_of_every_letter(running: Server) -> None:
    url = running.ensure_running()
    assert await ask(url, "select 'B' < 'a'") is True
    assert await ask(url, "select upper('straße éω')") == "STRASSE ÉΩ" or await ask(url, "select upper('éω')") == "ÉΩ"


@pytest.mark.parametrize(
    "name", ["plain", "it's", 'say "hi"', "tab\there", "line\nbreak", "ünïcode 🐘", "-x", "a b;--", "\\"]
)
async def test_database_of_any_name_is_created_once(running: Server, name: str) -> None:
    url = running.ensure_database(name)
    assert await ask(url, "select current_database()") == name
    assert running.ensure_database(name) == url


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 64, "é" * 32])
def test_name_that_no_database_can_have_is_refused(running: Server, name: str) -> None:
    with pytest.raises(errors.UsageError):
        running.ensure_database(name)


def test_binaries_are_those_of_the_server(running: Server) -> None:
    assert running.binary("pg_dump").is_file()
    with pytest.raises(errors.ServerError, match="no program pg_nonsense"):
        running.binary("pg_nonsense")


def test_environment_variables_of_clients_do_not_lead_it_astray(
    running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE"):
        monkeypatch.setenv(name, "nonsense")
    assert running.ensure_database("in_spite_of_the_environment")


def test_project_without_a_url_gets_a_database_of_its_own(
    running: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(running.layout.home))
    settings = load_settings(tmp_path, {})
    url = for_settings(settings)
    assert url.database == settings.database
    assert url.host == running.ensure_running().host


def test_project_with_a_url_needs_no_server(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(home))
    settings = load_settings(tmp_path, {"DATABASE_URL": "postgresql://app@db.example/shop"})
    assert for_settings(settings).host == "db.example"
    assert list(home.iterdir()) == []


def test_many_processes_at_once_start_one_server(home: Path) -> None:
    processes = [python(ENSURE, str(home)) for _ in range(10)]
    results = [(*process.communicate(), process.returncode) for process in processes]
    assert [code for _, _, code in results] == [0] * 10, results
    assert len({url for url, _, _ in results}) == 1
    log = (home / "18" / "server.log").read_text()
    assert log.count("starting PostgreSQL") == 1
    watchers = [pid for pid in running_in(home) if "assay.server.watch" in command_line(pid)]
    assert len(watchers) == 1


def test_ctrl_c_does_not_reach_the_server(embedded: Server, home: Path) -> None:
    """The terminal sends it to the whole group of the process that started the server."""
    process = python(ENSURE + "import time; time.sleep(60)", str(home), start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate()
    time.sleep(0.1)
    assert embedded.status().running


@pytest.mark.parametrize("moment", ["data.new-*", "data", "server.log"])
def test_ctrl_c_while_it_starts_leaves_nothing(embedded: Server, home: Path, moment: str) -> None:
    process = python(ENSURE, str(home), start_new_session=True)
    assert eventually(lambda: any((home / "18").glob(moment)))
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate()
    if process.returncode == 0:
        assert embedded.status().running  # it was faster
    else:
        assert "KeyboardInterrupt" in said
        # The watcher sees for itself that it is not needed.
        assert eventually(lambda: running_in(home) == [], 5.0), [command_line(pid) for pid in running_in(home)]
        assert not list((home / "18").glob("data.new-*"))
    embedded.ensure_running()


def test_long_home_uses_a_short_folder_for_the_socket(home: Path) -> None:
    server = Server.locate("18", home=home / ("deep" * 20) / ("down" * 10))
    url = server.ensure_running()
    assert url.host is not None
    folder = Path(url.host)
    assert len(url.host) < 80
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert server.ensure_running() == url
    server.stop()
    assert not folder.exists()


def test_home_with_every_kind_of_character_works(home: Path) -> None:
    server = Server.locate("18", home=home / 'it\'s a "home", 50% ünïcode; $(x) & more')
    assert server.ensure_database("shop").database == "shop"
    server.stop()


def test_two_versions_run_side_by_side(running: Server) -> None:
    if not Path("/usr/lib/postgresql/15/bin/postgres").exists():
        pytest.skip("no PostgreSQL 15 on this machine")
    older = Server.locate("15", home=running.layout.home)
    assert older.ensure_running() != running.ensure_running()
    assert older.status().version.startswith("15.")
    assert older.stop()
    assert running.status().running
