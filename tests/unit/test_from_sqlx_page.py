"""The page for those who come from sqlx-cli names all that it has, and only what Assay has."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from assay.cli.root import command as root

PAGE = (Path(__file__).parents[2] / "docs" / "from-sqlx.md").read_text(encoding="utf-8")

CONNECTING = "--no-dotenv -D --database-url --connect-timeout --config"
SQLX = {
    "database create": CONNECTING,
    "database drop": f"{CONNECTING} -y -f --force",
    "database reset": f"{CONNECTING} -y -f --force --source",
    "database setup": f"{CONNECTING} --source",
    "migrate add": "--source --config --simple -r --reversible -t --timestamp -s --sequential",
    "migrate run": f"{CONNECTING} --source --dry-run --ignore-missing --target-version",
    "migrate revert": f"{CONNECTING} --source --dry-run --ignore-missing --target-version",
    "migrate info": f"{CONNECTING} --source",
    "migrate override skip": f"{CONNECTING} --source --dry-run --ignore-missing --target-version",
    "migrate build-script": "--source --config --force",
    "prepare": f"{CONNECTING} --check --all --workspace",
}
"""What ``--help`` of each command of sqlx-cli 0.9.0 names."""


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its first two lines."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def found(words: list[str]) -> click.Command | None:
    """The command of Assay that these words lead to."""
    current: click.Command | None = root
    for word in words:
        if not isinstance(current, click.Group):
            return None
        current = current.get_command(click.Context(current), word)
    return current


def flags(of: click.Command) -> set[str]:
    """Every name of every option, ``-h`` and ``--help`` among them."""
    context = click.Context(of, help_option_names=["-h", "--help"])
    return {name for each in of.get_params(context) for name in (*each.opts, *each.secondary_opts)}


COMMANDS = {quoted(left)[0].removeprefix("sqlx "): right for left, right in rows("Commands") if "--" not in left}
FLAGS = [(quoted(theirs), where, quoted(ours)) for theirs, where, ours, _ in rows("Flags")]


def is_for(command: str, where: str) -> bool:
    """Whether a row of flags is about a command of sqlx-cli."""
    if where == "all":
        return True
    if where == "all that connect":
        return "--connect-timeout" in SQLX[command]
    return command in quoted(where) or (command.startswith("migrate ") and where.endswith("all of `migrate`"))


def test_every_command_of_sqlx_cli_has_a_row() -> None:
    assert set(COMMANDS) - {"help"} == set(SQLX)


@pytest.mark.parametrize("command", SQLX)
def test_every_flag_of_sqlx_cli_has_a_row(command: str) -> None:
    named = {flag for theirs, where, _ in FLAGS if is_for(command, where) for flag in theirs}
    assert set(SQLX[command].split()) - named == set()


@pytest.mark.parametrize("command", [command for command, ours in COMMANDS.items() if "`assay" in ours])
def test_every_flag_named_as_assays_is_one_of_the_command(command: str) -> None:
    (ours,) = quoted(COMMANDS[command])
    own = found([word for word in ours.split()[1:] if not word.startswith("-")])
    assert own is not None
    wanted = {
        flag
        for theirs, where, names in FLAGS
        if command in SQLX and is_for(command, where) and set(theirs) <= {*SQLX[command].split(), "-h", "--help"}
        for flag in names
    }
    assert wanted - flags(own) <= ({"--no-dotenv"} if command == "migrate add" else set())


@pytest.mark.parametrize("text", sorted({text for text in quoted(PAGE) if text.startswith("assay ")}))
def test_every_command_line_of_the_page_can_be_given(text: str) -> None:
    words = text.split()[1:]
    names = [word for word in words[:3] if re.fullmatch(r"[a-z]+", word)]
    own = found(names)
    assert own is not None, names
    assert {word for word in words if word.startswith("-")} - flags(own) == set()


def test_the_page_is_linked_from_where_people_look() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert "(from-sqlx.md)" in (docs / "migrations.md").read_text(encoding="utf-8")
    assert "(docs/from-sqlx.md)" in (docs.parent / "README.md").read_text(encoding="utf-8")
