"""``assay check`` on modules that do as they like when they are imported: it goes on, and says what they did."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.fixtures.projects import Project, make_project

from assay.config import DatabaseUrl

QUERY = 'import assay\nasync def f(db: assay.Pool): return await db.fetch_one(int, "select 1")\n'
LOST = 'leave at the module\'s top what defines things, and put what does things under if __name__ == "__main__"'


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    """On one server: it is Python that matters here."""
    return make_project(tmp_path, server_18)


ENDINGS = {
    "import os\nos._exit(0)": "it ended the process, with exit status 0",
    "from os import _exit\n_exit(7)": "it ended the process, with exit status 7",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)": "it ended the process by the signal SIGSEGV",
    "import os\nos.abort()": "it ended the process by the signal SIGABRT",
    "import os\nos.execv('/bin/true', ['true'])": "it ended the process, with exit status 0",
    "import os\nos.closerange(0, 256)\nos._exit(1)": "it ended the process, with exit status 1",
}


def test_modules_that_end_the_process_are_findings_and_the_rest_is_checked(project: Project) -> None:
    for number, code in enumerate(ENDINGS):
        project.write(f"src/app/odd{number}.py", f"{QUERY}{code}\n")
    done = project.check("--output-format", "json")
    assert (done.code, done.err, done.json["proved"]) == (1, "", 4)
    for number, (found, words) in enumerate(zip(done.json["findings"], ENDINGS.values(), strict=True)):
        name = f"src/app/odd{number}.py"
        assert (found["code"], found["path"], found["line"], found["fix"]) == ("ASY103", name, 1, LOST)
        assert found["message"] == f"{name} cannot be imported: {words}"


def test_the_module_that_ends_the_process_is_named_and_not_those_that_import_it(project: Project) -> None:
    project.write("src/app/deep.py", "import os\nos._exit(0)\n")
    project.write("src/app/one.py", f"from . import deep\n{QUERY}")
    project.write("src/app/two.py", f"from .deep import x\n{QUERY}")
    done = project.check("--output-format", "json")
    assert [found["message"] for found in done.json["findings"]] == [
        "src/app/deep.py cannot be imported: it ended the process, with exit status 0"
    ]
    assert done.json["proved"] == 4


@pytest.mark.parametrize("call", ["main()", "asyncio.run(work())", "sys.exit(main())"])
def test_a_script_that_runs_when_it_is_imported_is_told_where_that_belongs(project: Project, call: str) -> None:
    does = "def main(): raise ValueError('no argument')\nasync def work(): main()\n"
    project.write("src/app/script.py", f"import asyncio, sys\n{QUERY}{does}{call}\n")
    (found,) = project.check("--output-format", "json").json["findings"]
    assert (found["code"], found["fix"]) == ("ASY103", LOST)
    assert "ValueError: no argument" in found["message"]


ENDLESS = {
    "busy": ("while True: pass", 3),
    "slow": ("import time\nwhile True: time.sleep(0.01)", 4),
    "stubborn": ("import time\nwhile True:\n    try: time.sleep(1000)\n    except BaseException: pass", 1),
    "waiting": ("import threading\nthreading.Event().wait()", 4),
}
"""With the line that is told; of code that cannot be interrupted, the first one."""


def test_modules_that_never_end_are_named_with_their_lines_and_the_rest_is_checked(project: Project) -> None:
    project.write("pyproject.toml", "[tool.assay]\nimport-timeout = 1.5\n")
    for name, (code, _) in ENDLESS.items():
        project.write(f"src/app/{name}.py", f"{QUERY}{code}\n")
    project.write("src/app/again.py", f"from . import slow\n{QUERY}")
    done = project.check("--output-format", "json")
    assert [(found["message"], found["line"]) for found in done.json["findings"]] == [
        (f"src/app/{name}.py cannot be imported: it takes longer than 1.5 s", line)
        for name, (_, line) in ENDLESS.items()
    ]
    assert (done.code, done.json["proved"]) == (1, 4)


NOISE = """\
import atexit, os, subprocess, sys, threading, time
print("printed")
print("complained", file=sys.stderr)
os.write(1, b"written")
os.write(2, b"written")
sys.__stdout__.write("written")
subprocess.run(["echo", "by another"])
atexit.register(print, "at exit")
threading.Thread(target=lambda: time.sleep(100)).start()
"""


def test_nothing_that_modules_write_is_seen_and_their_threads_are_not_waited_for(project: Project) -> None:
    project.write("src/app/odd.py", f"{NOISE}{QUERY}")
    begin = time.monotonic()
    done = project.check("--output-format", "json")
    assert (done.code, done.err, done.json["proved"]) == (0, "", 5)
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize("command", [("prepare",), ("impact", "person")])
def test_other_commands_go_on_too(project: Project, command: tuple[str, ...]) -> None:
    choice = 'from typing import Literal\nasync def g(db: assay.Pool, o: Literal["id"]): '
    choice += 'return await db.fetch_all(int, "select id from person order by {o}", o=o)\n'
    project.write("src/app/odd.py", f"{QUERY}{choice}print('printed')\nimport os\nos._exit(0)\n")
    done = project.run(*command, "--database-url", project.server.reveal(), "--output-format", "json")
    assert (done.code in (0, 1), done.err) == (True, "")
    assert done.json["queries"] in (5, 6)


def test_a_class_that_ends_the_process_when_it_is_looked_at_is_its_modules_fault(project: Project) -> None:
    row = "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: '__import__(\"os\")._exit(0)'\n"
    project.write("src/app/odd.py", row + QUERY.replace("int,", "R,").replace("select 1", "select 1 as a"))
    done = project.check("--output-format", "json")
    (found,) = done.json["findings"]
    assert found["message"] == "src/app/odd.py cannot be imported: it ended the process, with exit status 0"
    assert done.json["proved"] == 4


def test_a_class_that_exits_when_it_is_looked_at_is_its_modules_fault(project: Project) -> None:
    row = "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: 'exit(3)'\n"
    project.write("src/app/odd.py", row + QUERY.replace("int,", "R,").replace("select 1", "select 1 as a"))
    (found,) = project.check("--output-format", "json").json["findings"]
    assert found["message"] == "src/app/odd.py cannot be imported: SystemExit: 3"


def test_a_process_that_ends_later_is_a_failed_run_and_no_trace(project: Project) -> None:
    later = "import os, threading\nthreading.Thread(target=lambda: [os._exit(0) for _ in iter(int, 1)]).start()\n"
    project.write("src/app/odd.py", QUERY + later.replace("[os", "[__import__('time').sleep(0.2), os"))
    for name in ("a", "z"):
        project.write(f"src/app/{name}.py", f"{QUERY}import time\ntime.sleep(0.5)\n")
    done = project.check()
    assert done.code in (1, 2)
    assert "Traceback" not in done.err


def test_modules_named_like_those_that_are_loaded_are_the_projects_own(project: Project) -> None:
    row = QUERY.replace("int,", "R,").replace("select 1", "select 1 as a")
    for name in ("calendar", "queue", "email/__init__", "platform/__init__", "json"):
        project.write(f"src/{name}.py", "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: int\n")
        folder = name.partition("/")[0]
        project.write(f"src/app/with_{folder}.py", f"from {folder} import R\n{row}")
    project.write("src/platform/queries.py", f"from . import R\n{row}")
    done = project.check("--output-format", "json")
    assert (done.json["findings"], done.json["proved"]) == ([], 10)


def test_relative_imports_hold_in_a_package_whose_name_is_taken(project: Project) -> None:
    project.write("src/click/__init__.py", "")
    project.write("src/click/deep/__init__.py", "")
    project.write("src/click/rows.py", "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: int\n")
    row = QUERY.replace("int,", "R,").replace("select 1", "select 1 as a")
    project.write("src/click/queries.py", f"from .rows import R\n{row}")
    project.write("src/click/deep/queries.py", f"from ..rows import R\n{row}")
    done = project.check("--output-format", "json")
    assert (done.json["findings"], done.json["proved"]) == ([], 6)


def test_a_module_that_forks_is_checked_once(project: Project) -> None:
    project.write("src/app/odd.py", f"import os\nos.fork()\n{QUERY}")
    done = project.check("--output-format", "json")
    assert (done.code, done.json["findings"], done.json["proved"]) == (0, [], 5)


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "<&-", ">&-"])
def test_closed_standard_files_do_not_matter(project: Project, closed: str) -> None:
    command = f'"{sys.executable}" -m assay check --database-url "{project.server.reveal()}" {closed}'
    assert subprocess.run(["sh", "-c", command], cwd=project.root, timeout=60).returncode == 0
    project.write("src/app/odd.py", QUERY.replace("select 1", "select x"))
    assert subprocess.run(["sh", "-c", command], cwd=project.root, timeout=60).returncode == 1


def test_files_of_a_package_outside_of_the_project_find_each_other(project: Project, tmp_path: Path) -> None:
    project.write("other/pkg/__init__.py", "")
    project.write("other/pkg/rows.py", "from dataclasses import dataclass\n@dataclass\nclass R:\n    a: int\n")
    row = QUERY.replace("int,", "R,").replace("select 1", "select 1 as a")
    project.write("other/pkg/queries.py", f"from .rows import R\n{row}")
    (tmp_path / "src/pyproject.toml").write_text("[tool.assay]\nmigrations = '../migrations'\n")
    inside = Project(tmp_path / "src", project.server)
    done = inside.check("../other", "--output-format", "json")
    assert (done.json["findings"], done.json["proved"]) == ([], 1)


def test_modules_do_not_see_the_arguments_of_the_check(project: Project) -> None:
    project.write("src/app/odd.py", f"{QUERY}import argparse\nargparse.ArgumentParser().parse_args()\n")
    assert project.check("--output-format", "json").json["proved"] == 5


def running(folder: Path) -> list[str]:
    """The command lines of the processes whose working folder is this one."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return [words for words in found if words]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_check_leaves_nothing_running(project: Project, sent: signal.Signals) -> None:
    project.write(
        "src/app/odd.py",
        f"{QUERY}import pathlib, subprocess, time\nsubprocess.Popen(['sleep', '1000'])\n"
        "pathlib.Path('here').touch()\ntime.sleep(1000)\n",
    )
    command = [sys.executable, "-m", "assay", "check", "--database-url", project.server.reveal()]
    with subprocess.Popen(
        command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        while not (project.root / "here").exists():
            time.sleep(0.02)
        process.send_signal(sent)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (130, "", "Stopped.")
    assert running(project.root) == []


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_check_that_is_killed_leaves_nothing_running_for_long(project: Project) -> None:
    project.write("pyproject.toml", "[tool.assay]\nimport-timeout = 1\n")
    project.write("src/app/odd.py", f"{QUERY}import pathlib, time\npathlib.Path('here').touch()\ntime.sleep(1000)\n")
    command = [sys.executable, "-m", "assay", "check", "--database-url", project.server.reveal()]
    with subprocess.Popen(command, cwd=project.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (project.root / "here").exists():
            time.sleep(0.02)
        process.kill()
    until = time.monotonic() + 30
    while running(project.root) and time.monotonic() < until:
        time.sleep(0.1)
    assert running(project.root) == []
