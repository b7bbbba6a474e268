"""``assay check``: its formats, its colours, its comments, and watching."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.fixtures.projects import Project, make_project
from tests.unit.test_report_formats import check_sarif

from assay.config import DatabaseUrl


@pytest.fixture
def project(tmp_path: Path, server_18: DatabaseUrl) -> Project:
    return make_project(tmp_path, server_18)


@pytest.fixture
def faulty(project: Project) -> Project:
    """With a column that there is not, in a line of a statement of several lines."""
    project.replace("src/app/queries.py", 'select p.id, t.id as "team.id"', 'select p.id, t.idd as "team.id"')
    return project


def test_a_refused_statement_shows_its_line_and_underlines_the_word(faulty: Project) -> None:
    done = faulty.check()
    assert done.lines[:4] == [
        f"{faulty.place('src/app/queries.py', 't.idd as')} ASY101 column t.idd does not exist",
        '  select p.id, t.idd as "team.id", t.name as "team.name"',
        "               ^^^^^",
        '  fix: Perhaps you meant to reference the column "t.id".',
    ]


def test_every_format_tells_of_a_file_whose_name_is_not_utf_8(faulty: Project) -> None:
    folder = Path(os.fsdecode(os.fsencode(faulty.root / "src" / "app") + b"/od\xff"))
    folder.mkdir()
    (folder / "queries.py").write_text((faulty.root / "src" / "app" / "queries.py").read_text())
    name = "src/app/od\\udcff/queries.py"
    for told in ("text", "json", "sarif", "github"):
        done = faulty.check("--output-format", told)
        assert (done.code, done.err) == (1, ""), told
        assert ("src/app/od%FF/queries.py" if told == "sarif" else name) in done.out


@pytest.mark.parametrize(
    ("statement", "line", "mark"),
    [
        ('"select p . idd, \\"P\\".x from person p"', 'from person p"', "p"),
        ('"select p.idd from person p"', '"select p.idd', "p.idd"),
        ('"select nmae from person"', '"select nmae from person"', "nmae"),
        ('"select id, " "nmae " "from person"', '"select id, " "nmae " "from person"', "nmae"),
        ('f"select {COLUMNS}, nmae from person"', 'f"select {COLUMNS}, nmae from person"', "nmae"),
        ("\"select '\\n' || nmae from person\"", "\"select '\\n' || nmae from person\"", "nmae"),
        ('"select :nick + nmae from person", nick=""', '"select :nick + nmae from person"', "nmae"),
        ("\"select '漢字' || nmae from person\"", "\"select '漢字' || nmae from person\"", "nmae"),
        ('"selct 1"', '"selct 1"', "selct"),
        ('"select 1 where"', '"select 1 where"', "e"),
    ],
)
def test_the_mark_stands_below_the_very_characters(project: Project, statement: str, line: str, mark: str) -> None:
    head = 'import assay\nCOLUMNS = "id"\n'
    project.write("src/app/queries.py", f"{head}async def f(db: assay.Pool): await db.fetch_all(int, {statement})\n")
    lines = project.check().lines
    below = next(each for each in lines if set(each) <= {" ", "^"} and "^" in each)
    above = lines[lines.index(below) - 1]
    assert line in above
    column = below.index("^") - sum(character in "漢字" for character in above)
    assert above[column : column + below.count("^")] == mark


def test_json_has_where_the_word_ends(faulty: Project) -> None:
    (found,) = faulty.check("--output-format", "json").json["findings"]
    assert found["end_column"] > found["column"]
    assert found["fixable"] is False


def test_github_gets_a_command_for_each_finding_from_the_root_of_its_repository(faulty: Project) -> None:
    server = faulty.server.reveal()
    arguments = ("check", "--database-url", server, "--output-format", "github")
    done = faulty.run(*arguments, GITHUB_WORKSPACE=str(faulty.root.parent))
    assert done.code == 1
    assert re.fullmatch(
        rf"::error file={re.escape(faulty.root.name)}/src/app/queries\.py,line=18,col=22,endColumn=\d+,"
        r"title=ASY101 refused::column t\.idd does not exist%0Afix: Perhaps .*",
        done.lines[0],
    )
    assert done.lines[1].startswith("Proved 3 of 4 queries against ")


def test_sarif_is_sarif(faulty: Project) -> None:
    done = faulty.check("--output-format", "sarif")
    assert done.code == 1
    check_sarif(done.json)
    (result,) = done.json["runs"][0]["results"]
    assert (result["ruleId"], result["locations"][0]["physicalLocation"]["region"]["startLine"]) == ("ASY101", 18)


def test_the_order_is_that_of_the_code_whatever_the_order_of_the_files(project: Project) -> None:
    body = 'import assay\nasync def f(db: assay.Pool): await db.fetch_all(int, "select nmae, idd from person")\n'
    for name in ("zebra", "apple", "mango"):
        project.write(f"src/app/{name}.py", body)
    places = [line.split()[0] for line in project.check().lines if "ASY" in line]
    assert places == sorted(places)
    assert len(places) == 3
    assert project.check("src/app/zebra.py", "src/app/apple.py").lines[0].startswith("src/app/apple.py")


def test_comments_silence_findings_which_then_are_not_proved(project: Project) -> None:
    project.write(
        "src/app/more.py",
        "import assay\n"
        "async def f(db: assay.Pool):\n"
        '    await db.fetch_all(str, "select nick from person")  # assay: ignore[ASY203]\n'
        '    await db.execute("delete from team -- assay: ignore[ASY501]")\n'
        "    # assay: ignore[ASY401]\n"
        '    await db.fetch_all(str, "select name from person")  # assay: ignore\n',
    )
    done = project.check()
    assert (done.code, [line for line in done.lines if "ASY" in line.split(" ")[1]]) == (
        0,
        [
            "src/app/more.py:5:5 ASY912 warning: there is no ASY401 to ignore",
            "src/app/more.py:6:57 ASY911 warning: an ignore without rules ignores nothing",
        ],
    )
    assert done.lines[-1].startswith(
        "Proved 6 of 7 queries against PostgreSQL 18.6, 2 migrations, 2 findings ignored, in"
    )
    assert project.check("--output-format", "json").json["ignored"] == 2


def test_a_terminal_with_few_characters_gets_escapes(project: Project) -> None:
    project.replace("src/app/queries.py", "id=person_id, name=name)", "id=person_id, nmae=name)")
    done = project.run("check", "--database-url", project.server.reveal(), PYTHONIOENCODING="ascii")
    assert (done.code, "it gives nmae=\\u2026, which" in done.out) == (1, True)


@contextmanager
def started(project: Project, *arguments: str, **streams: int) -> Iterator[subprocess.Popen[str]]:
    """``assay check`` while it runs; ended after a minute at the latest."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "assay", "check", "--database-url", project.server.reveal(), *arguments]
    process = subprocess.Popen(command, cwd=project.root, env=environ, text=True, **streams)
    guard = threading.Timer(60, process.kill)
    guard.start()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        guard.cancel()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def on_a_terminal(project: Project, *arguments: str, **environ: str) -> str:
    """What a check writes to a terminal."""
    ours, theirs = pty.openpty()
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-m", "assay", "check", "--database-url", project.server.reveal(), *arguments]
    process = subprocess.Popen(command, cwd=project.root, env={**kept, **environ}, stdout=theirs, stderr=theirs)
    os.close(theirs)
    read = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        read += piece
    os.close(ours)
    process.wait(timeout=60)
    return read.decode()


def test_colours_are_for_terminals_that_want_them(faulty: Project) -> None:
    assert "\x1b[1;31mASY101\x1b[0m" in on_a_terminal(faulty, TERM="xterm")
    assert "\x1b[" not in on_a_terminal(faulty, TERM="xterm", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(faulty, TERM="dumb")
    assert "\x1b[" not in on_a_terminal(faulty, "--output-format", "json", TERM="xterm")
    assert "\x1b[" not in faulty.check().out


def test_watching_checks_again_after_a_change_and_ends_with_ctrl_c(project: Project) -> None:
    pipe = subprocess.PIPE
    with started(project, "--watch", stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Proved 4 of 4 queries")
        project.replace("migrations/20250101000002_person.sql", "nick text", "nickname text")
        assert "ASY101" in process.stdout.readline()
        assert [process.stdout.readline()[:10] for _ in range(3)][2] == "Proved 3 o"
        project.write("src/app/broken.py", "def f(:\n")
        assert "src/app/broken.py:1:7 ASY103" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
        assert (process.returncode, error) == (0, "Stopped watching.\n"), out


def test_watching_outlives_a_migration_that_fails(project: Project) -> None:
    pipe = subprocess.PIPE
    with started(project, "--watch", stdout=pipe, stderr=pipe) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith("Proved 4 of 4 queries")
        project.replace("migrations/20250101000001_mood.sql", "as enum", "as enumm")
        assert process.stderr.readline().startswith("error: ")
        project.replace("migrations/20250101000001_mood.sql", "as enumm", "as enum")
        assert process.stdout.readline().startswith("Proved 4 of 4 queries")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_watching_only_looks(project: Project) -> None:
    done = project.check("--watch", "--fix")
    assert (done.code, "--watch only looks" in done.err) == (2, True)
