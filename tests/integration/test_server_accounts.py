"""Whom the server runs as: root's, run by an account that is not root, and other users'."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from tests.fixtures.servers import running_in

import assay
from assay import errors
from assay.server import Server, layout
from assay.server.abandoned import sweep_abandoned
from assay.server.account import Account, can_enter, can_run, run_as, service_account
from assay.server.binaries import find_programs
from assay.server.processes import command_line

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")

USER = """
import sys
from pathlib import Path
from assay.server import Server
server = Server.locate("18", home=Path(sys.argv[1]))
if sys.argv[2] == "stop":
    sys.exit(not server.stop())
print(server.ensure_database("mine").host)
"""


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A home in a folder that only root may enter, as ``/root`` is."""
    folder = Path(tempfile.mkdtemp(prefix="assay-test-"))
    home = folder / "home"
    yield home
    server = Server.locate("18", home=home)
    server.stop()
    assert running_in(home) == []
    shutil.rmtree(server.layout.place.parent, ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture
def another() -> Account:
    """An account that is neither root's nor the one that root's servers run as."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    entry = pwd.getpwnam("nobody")
    return Account("nobody", entry.pw_uid, entry.pw_gid)


def python_of(account: Account) -> str:
    """A Python that the account can run, which has Assay's needs."""
    system = Path("/usr/bin") / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for program in (Path(sys.executable), system):
        if program.exists() and can_run(account, program.resolve()) and can_enter(account, Path(assay.__file__).parent):
            return str(program)
    pytest.skip(f"{account.name} can run no Python here")


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@as_root
def test_server_of_root_runs_as_an_account_that_is_there_already(embedded: Server, home: Path) -> None:
    embedded.ensure_running()
    account = service_account()
    assert account is not None
    server = [pid for pid in running_in(home) if "assay.server.watch" not in command_line(pid)]
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in server} == {account.uid}
    assert embedded.layout.data.stat().st_uid == account.uid
    assert embedded.layout.state.stat().st_uid == 0


@as_root
async def test_home_closed_to_the_account_keeps_its_data_elsewhere(closed_home: Path) -> None:
    server = Server.locate("18", home=closed_home)
    url = server.ensure_running()
    assert await ask(url.reveal(), "select 1") == 1
    assert not server.layout.data.is_relative_to(closed_home)
    assert closed_home.parent.stat().st_mode & 0o777 == 0o700, "the mode of a folder that is not ours was changed"
    assert server.ensure_running() == url
    assert Server.locate("18", home=closed_home).layout == server.layout


@pytest.mark.parametrize(
    ("home", "hours", "kept"),
    [
        ("{tmp}/gone", 1, False),
        ("{tmp}/gone", 0.1, True),
        ("{tmp}", 1000, True),
        ("/mnt/disk/gone", 48, True),
        ("/mnt/disk/gone", 1000, False),
    ],
)
def test_data_of_a_home_that_is_no_more_are_swept_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str, hours: float, kept: bool
) -> None:
    monkeypatch.setattr(layout, "HOMES", tmp_path)
    data = tmp_path / "key"
    (data / "18" / "run").mkdir(parents=True)
    (data / "home").write_text(home.format(tmp=tmp_path))
    for folder in (data / "18" / "run", data):
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    sweep_abandoned()
    assert data.exists() == kept


@as_root
async def test_programs_closed_to_the_account_are_put_where_it_can_run_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Path(tempfile.mkdtemp(prefix="assay-test-"))
    found = find_programs("18")
    if not found.parts:
        pytest.skip("the wheel is not installed")
    for part in found.parts:
        shutil.copytree(part, closed / part.name, symlinks=True, copy_function=os.link)
    monkeypatch.syspath_prepend(str(closed))
    try:
        server = Server.locate("18", home=home)
        assert await ask(server.ensure_running().reveal(), "select upper('plpgsql')") == "PLPGSQL"
        assert server.binary("psql").is_relative_to(home)
        [copy] = (home / "18" / "programs").iterdir()
        server.stop()
        server.ensure_running()
        assert [copy] == list((home / "18" / "programs").iterdir())
    finally:
        shutil.rmtree(closed)


@as_root
def test_programs_that_work_only_where_they_are_are_not_copied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = Path(tempfile.mkdtemp(prefix="assay-test-"))
    for name in ("postgres", "initdb", "psql"):
        (closed / name).touch(mode=0o755)
    monkeypatch.setattr("assay.server.binaries._FOLDERS", (str(closed),))
    try:
        with pytest.raises(errors.ServerError, match=f"cannot reach the programs in {closed}"):
            Server.locate("16", home=home).ensure_running()
    finally:
        shutil.rmtree(closed)


def as_user(account: Account, home: Path, action: str) -> subprocess.CompletedProcess[str]:
    """Use a server as another user does."""
    paths = [str(Path(assay.__file__).parents[1]), *(path for path in sys.path if path.endswith("site-packages"))]
    return subprocess.run(
        [python_of(account), "-c", USER, str(home), action],
        env={"PYTHONPATH": os.pathsep.join(paths), "PATH": os.defpath},
        cwd="/",
        capture_output=True,
        text=True,
        **run_as(account),
    )


def test_user_runs_a_server_of_their_own(another: Account, home: Path) -> None:
    own = home / "own"
    own.mkdir()
    os.chown(own, another.uid, another.gid)
    done = as_user(another, own, "start")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).stat().st_uid == another.uid
    server = running_in(own)
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in server} == {another.uid}
    for use in (Server.locate("18", home=own).ensure_running, Server.locate("18", home=own).stop):
        with pytest.raises(errors.ServerError, match="belongs to another user"):
            use()
    assert as_user(another, own, "stop").returncode == 0
    assert running_in(own) == []


def test_folder_planted_by_another_user_is_not_used_for_the_socket(another: Account, home: Path) -> None:
    server = Server.locate("18", home=home / ("deep" * 30))
    planted = layout._short_folder(server.layout)
    planted.mkdir()
    os.chown(planted, another.uid, another.gid)
    try:
        with pytest.raises(errors.ServerError, match=f"{planted}.*belongs to user {another.uid}"):
            server.ensure_running()
    finally:
        planted.rmdir()


def test_link_planted_by_another_user_is_not_followed_for_the_socket(another: Account, home: Path) -> None:
    server = Server.locate("18", home=home / ("deep" * 30))
    planted = layout._short_folder(server.layout)
    planted.symlink_to(home)
    os.chown(planted, another.uid, another.gid, follow_symlinks=False)
    try:
        with pytest.raises(errors.ServerError, match=f"{planted} is not a folder"):
            server.ensure_running()
    finally:
        planted.unlink()


def test_folder_open_to_others_is_not_used_for_the_socket(home: Path) -> None:
    server = Server.locate("18", home=home / ("deep" * 30))
    planted = layout._short_folder(server.layout)
    planted.mkdir()
    layout.give(planted, server.layout.account)
    planted.chmod(0o755)
    try:
        with pytest.raises(errors.ServerError, match=f"{planted}.*is open to other users: chmod 700"):
            server.ensure_running()
    finally:
        planted.rmdir()
