"""``assay stats`` as a person runs it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import psycopg
import pytest
from tests.fixtures.projects import MIGRATIONS, Project, make_project

from assay.cli.stats import SECTIONS
from assay.config import DatabaseUrl
from assay.ops.stats import activity, bloat, overview, statements, storage, upkeep
from assay.ops.stats.stats import READERS

TOLD = [
    overview.DATABASE, storage.TABLES, storage.INDEXES, storage.CACHE, bloat.BLOAT, activity.CONNECTIONS,
    activity.TRANSACTIONS, activity.LOCKS, statements.STATEMENTS, upkeep.REPLICATION, upkeep.VACUUM,
]  # fmt: skip
DOCS = Path(__file__).parents[2] / "docs" / "stats.md"


@pytest.fixture
def project(tmp_path: Path, cleared: DatabaseUrl) -> Project:
    """A project, and on each server a database with what its migrations build."""
    with psycopg.connect(cleared.reveal(), autocommit=True) as driver:
        for text in MIGRATIONS.values():
            driver.execute(text.encode())
        driver.execute("insert into team select n, 'team ' || n from generate_series(1, 1000) n; analyze team")
    return make_project(tmp_path, cleared)


def test_every_section_is_shown(project: Project) -> None:
    done = project.run("stats", "-D", project.server.reveal())
    assert (done.code, done.err) == (0, "")
    titles = ["Database", "Largest tables", "Largest indexes", "Blocks found in memory", "Room that holds nothing"]
    titles += ["Connections", "Long transactions", "Who waits for whom", "Slow statements", "Replication", "Vacuum"]
    assert [line for line in done.lines[1:] if line and not line.startswith(" ")] == titles
    assert done.lines[0].startswith(f'Database "{project.server.database}", PostgreSQL 1')
    (team,) = [line.split() for line in done.lines if line.startswith("  public.team  ")][:1]
    assert "1,000" in team


def test_json_has_every_section(project: Project) -> None:
    done = project.run("stats", "-D", project.server.reveal(), "--output-format", "json")
    assert done.code == 0
    assert list(done.json["sections"]) == list(SECTIONS) == list(READERS)
    assert set(done.json) == {"database", "server_version", "at", "sections"}
    fields = {field for section in done.json["sections"].values() for row in section["rows"] for field in row}
    assert fields <= {field.name for fields in TOLD for field in fields}


def test_the_page_tells_every_section_and_field() -> None:
    page = DOCS.read_text()
    assert {name for name in SECTIONS if f"\n### {name}\n" not in page} == set()
    fields = {field.name for fields in TOLD for field in fields if not field.only_text}
    assert {field for field in fields if f"`{field}`" not in page} == set()


def test_sections_are_chosen_and_cut(project: Project) -> None:
    done = project.run("stats", "-D", project.server.reveal(), "--only", "indexes", "--only", "tables", "--limit", "1",
        "--output-format", "json")  # fmt: skip
    assert {name: len(section["rows"]) for name, section in done.json["sections"].items()} == {
        "tables": 1,
        "indexes": 1,
    }


def test_a_section_that_there_is_not_is_misuse(project: Project) -> None:
    done = project.run("stats", "-D", project.server.reveal(), "--only", "weather")
    assert (done.code, "'weather' is not one of 'database', 'tables'" in done.err) == (2, True)


def test_a_server_that_is_not_there_is_told_without_the_password(project: Project) -> None:
    done = project.run("stats", "-D", "postgresql://me:hunter2@localhost:1/app")
    assert (done.code, done.out) == (2, "")
    assert "hunter2" not in done.err
    assert 'database "app" at localhost:1' in done.err


def test_code_that_cannot_be_looked_at_is_a_warning(project: Project) -> None:
    project.write("src/app/more.py", "import assay\nasync def f(db: assay.Executor, o: 'Nowhere') -> list[int]:\n"
        "    return await db.fetch_all(int, 'select 1 order by {o}', o=o)\n")  # fmt: skip
    done = project.run("stats", "-D", project.server.reveal(), "--only", "statements")
    assert done.code == 0


def test_it_is_shown_again_and_again_until_it_is_stopped(project: Project) -> None:
    command = [sys.executable, "-m", "assay", "stats", "-D", project.server.reveal(), "--only", "database"]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with subprocess.Popen(
        [*command, "--watch", "0.1", "--output-format", "json"],
        cwd=project.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        seen = [read_document(process.stdout) for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        process.stdout.read()
    assert (process.returncode, rest) == (0, "Stopped watching.\n")
    assert len({each["at"] for each in seen}) == 3


def read_document(stream: object) -> dict[str, object]:
    lines = []
    deadline = time.monotonic() + 30
    while lines[-1:] != ["}\n"]:
        assert time.monotonic() < deadline
        lines.append(stream.readline())  # type: ignore[attr-defined]  # a text stream
    return json.loads("".join(lines))


def test_on_a_terminal_it_is_drawn_anew_and_fits(project: Project) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 70, 0, 0))
    command = [
        sys.executable,
        "-m",
        "assay",
        "stats",
        "-D",
        project.server.reveal(),
        "--only",
        "indexes",
        "--watch",
        "0.1",
    ]
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {"TERM": "xterm"}
    with subprocess.Popen(command, cwd=project.root, env=environ, stdout=theirs, stderr=subprocess.PIPE) as process:
        os.close(theirs)
        seen = b""
        while seen.count(b"\x1b[H\x1b[2J") < 3:
            seen += os.read(ours, 65536)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        assert process.stderr.read() == b"Stopped watching.\n"
    os.close(ours)
    drawn = seen.decode().split("\x1b[H\x1b[2J\x1b[3J")[1].splitlines()
    assert process.returncode == 0
    table = [line for line in drawn if line.startswith("  ") and not line.startswith("  note")]
    assert table[0].split()[:2] == ["index", "table"]
    assert max(len(line) for line in table) <= 70


def test_a_server_that_does_not_answer_at_first_ends_the_watch(project: Project) -> None:
    done = project.run("stats", "-D", "postgresql://me@localhost:1/app", "--watch")
    assert (done.code, 'database "app" at localhost:1' in done.err) == (2, True)
