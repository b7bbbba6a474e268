"""A run that takes long says how far it has come, on a terminal and in a log."""

from __future__ import annotations

import asyncio
import io
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assay.cli import migrate_progress
from assay.cli.migrate_progress import Narrator, duration
from assay.config import DatabaseUrl
from assay.migrate import Direction, Event, Moment, Step

STEP = Step(7, "create devices", Direction.UP, Path("7_create_devices.sql"))


def on_a_terminal(folder: Path, url: DatabaseUrl) -> tuple[int, str]:
    """Run the command as a person does; gives its exit code, and everything that it wrote."""
    own, terminal = pty.openpty()
    command = [sys.executable, "-m", "assay", "migrate", "run", "--source", folder.name, "-D", url.reveal()]
    environment = {**os.environ, "COLUMNS": "100"}
    with subprocess.Popen(
        command, cwd=folder.parent, env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        written = b""
        try:
            while part := os.read(own, 65536):
                written += part
        except OSError:  # how Linux tells that nobody has the terminal open any more
            pass
    os.close(own)
    return process.returncode, written.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_create_devices.sql").write_text("create table devices ();")
    (folder / "2_fill_devices.sql").write_text("select 1;\nselect pg_sleep(2);\n")
    return folder


async def test_on_a_terminal_a_line_tells_file_statement_and_time(database_18: DatabaseUrl, folder: Path) -> None:
    code, written = await asyncio.to_thread(on_a_terminal, folder, database_18)
    assert code == 0
    line = "\r\x1b[2KApplying 2 fill devices, file 2 of 2, statement 2 of 2, 1 s"
    assert line in written
    left = re.sub(r"\r\x1b\[2K[^\r]*(?=\r\x1b\[2K)", "", written).replace("\r\x1b[2K", "")
    assert re.fullmatch(
        r"Applied 1/migrate create devices \(.*ms\)\r\nApplied 2/migrate fill devices \(2\.\d s\)\r\n", left
    ), left


async def test_on_a_terminal_an_error_has_its_line_and_a_caret(database_18: DatabaseUrl, folder: Path) -> None:
    (folder / "2_fill_devices.sql").write_text("select 1;\n\tselect 'größe', oops from devices;\n")
    code, written = await asyncio.to_thread(on_a_terminal, folder, database_18)
    assert code == 2
    assert "    2 | \tselect 'größe', oops from devices;\r\n      | \t                ^\r\n" in written


def told_for_a_while(monkeypatch: pytest.MonkeyPatch, *events: Event) -> str:
    """What a narrator writes to a log that it adds to every hundredth of a second, until it has done so."""
    monkeypatch.setattr(migrate_progress, "REPEATED", 0.01)
    log = io.StringIO()
    with Narrator(None, "Applying", log) as narrator:
        for event in events:
            narrator(event)
        seen = len(log.getvalue())
        while len(log.getvalue()) == seen:
            time.sleep(0.01)
    return log.getvalue()


def test_a_log_gets_a_line_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Event(Moment.STARTED, STEP, number=3, total=40)
    written = told_for_a_while(monkeypatch, started, Event(Moment.STATEMENT, STEP, number=2, total=5))
    assert "Applying 7 create devices, file 3 of 40, statement 2 of 5, 0 s\n" in written
    assert "\r" not in written


def test_before_the_first_file_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Getting ready, 0 s\n" in told_for_a_while(monkeypatch)


def test_a_short_run_says_nothing_but_what_is_done(capsys: Any) -> None:
    log = io.StringIO()
    with Narrator(lambda step: f"Applied {step.version}", "Applying", log) as narrator:
        narrator(Event(Moment.STARTED, STEP, number=1, total=1))
        narrator(Event(Moment.NOTICE, text="Look out"))
        narrator(Event(Moment.FINISHED, STEP))
    assert (capsys.readouterr().out, log.getvalue()) == ("Applied 7\n", "Look out\n")


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.9, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90_061, "25 h 1 min")]
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
