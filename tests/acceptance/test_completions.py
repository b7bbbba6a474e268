"""``assay completions``, and what the scripts complete in a real shell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay.cli.root import COMMANDS

ASSAY = Path(sys.executable).with_name("assay")

COMPLETED = """
eval "$(assay completions bash)"
COMP_WORDS=({line}) COMP_CWORD=$(({words} - 1))
$(complete -p assay | sed -E 's/.* -F ([^ ]+) .*/\\1/') assay "${{COMP_WORDS[COMP_CWORD]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
"""Asks bash for the completions of a line as its readline does: the function registered for assay fills COMPREPLY."""


def completed(*words: str) -> set[str]:
    """What bash offers for the last word of a line."""
    line = " ".join(f"'{word}'" for word in words)
    done = subprocess.run(
        ["bash", "--norc", "-c", COMPLETED.format(line=line, words=len(words))],
        env={**os.environ, "PATH": f"{ASSAY.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


in_bash = pytest.mark.skipif(
    shutil.which("bash") is None or not ASSAY.exists(), reason="no bash here, or assay is not installed as a program"
)


@in_bash
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        (("assay", "mi"), {"migrate"}),
        (("assay", "co"), {"completions"}),
        (("assay", "migrate", "re"), {"repair", "revert"}),
        (("assay", "migrate", "run", "--ta"), {"--target-version"}),
        (("assay", "migrate", "revert", "--con"), {"--connect-timeout"}),
        (("assay", "database", "re"), {"reset"}),
        (("assay", "db", "reset", "--f"), {"--force"}),
        (("assay", "completions", ""), {"bash", "zsh", "fish"}),
        (("assay", "migrate", "info", "--output-format", ""), {"text", "json"}),
        (("assay", "nothing_begins_so"), set()),
    ],
    ids=lambda words: " ".join(sorted(words) if isinstance(words, set) else words),
)
def test_bash_completes_commands_options_and_choices(line: tuple[str, ...], offered: set[str]) -> None:
    assert completed(*line) == offered


@in_bash
def test_bash_offers_every_command() -> None:
    assert completed("assay", "") == set(COMMANDS)


@pytest.mark.parametrize("line", ["assay ", "assay migrate run --", "assay db r", "assay prepare --"])
def test_completing_imports_neither_the_driver_nor_the_settings_of_a_project(line: str, tmp_path: Path) -> None:
    words = line.split()
    environ = {
        **os.environ,
        "_ASSAY_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) if line.endswith(" ") else len(words) - 1),
    }
    program = "import sys; sys.argv[0] = 'assay'; from assay.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    imported = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    assert done.stdout.startswith("plain,")
    assert {"assay.cli.root", "click"} <= imported
    assert imported & {"asyncpg", "psycopg", "pydantic", "assay.runtime", "assay.migrate", "assay.server"} == set()


@pytest.mark.parametrize(
    ("shell", "telling"), [("bash", "complete -o"), ("zsh", "compdef "), ("fish", "complete --no")]
)
def test_each_shell_has_its_script(shell: str, telling: str) -> None:
    def said(*arguments: str) -> str:
        command = [sys.executable, "-m", "assay", "completions", shell, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert telling in said()
    assert "_ASSAY_COMPLETE" in said()
    assert json.loads(said("--output-format", "json")) == {"shell": shell, "script": said().removesuffix("\n")}


def test_another_shell_is_refused() -> None:
    command = [sys.executable, "-m", "assay", "completions", "tcsh"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, "'bash', 'zsh', 'fish'" in done.stderr) == (2, True)
