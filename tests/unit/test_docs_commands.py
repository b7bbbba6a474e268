"""Every command is told in the documentation, and its help text is what the page of commands shows."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import click
import pytest

ROOT = Path(__file__).parents[2]


def generator() -> Any:
    """scripts/generate_commands.py, as a module."""
    spec = spec_from_file_location("generate_commands", ROOT / "scripts" / "generate_commands.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()
COMMANDS: dict[str, click.Command] = dict(GENERATOR.commands())
LEAVES = {name: command for name, command in COMMANDS.items() if not isinstance(command, click.Group)}
INTERACTIVE = {"assay server shell"}
"""What hands over to another program, whose answers are its own."""
PAGES = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path != GENERATOR.PAGE]
TOLD = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
"""What people wrote of the commands."""


def options(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def test_the_page_of_commands_is_what_they_print() -> None:
    written = GENERATOR.PAGE.read_text(encoding="utf-8")
    assert written == GENERATOR.page(), "write it anew with: python scripts/generate_commands.py"


def test_the_page_of_commands_is_of_no_machine() -> None:
    assert re.findall(r"(?:/home|/root|/tmp|/Users)/\S*", GENERATOR.PAGE.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_told_in_a_page(name: str) -> None:
    words = name.removeprefix("assay ")
    assert re.search(rf"\b{re.escape(words)}\b", TOLD), f"no page tells what {name} is for"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_and_its_options_have_help_texts(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), name
    assert [each.opts[0] for each in options(command) if not each.help] == []


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - LEAVES.keys()))
def test_a_list_of_commands_cuts_no_sentence_and_says_none_twice(name: str) -> None:
    shown = COMMANDS[name].get_help(click.Context(COMMANDS[name], info_name=name, terminal_width=80))
    lines = [line.split(maxsplit=1)[1] for line in shown.partition("Commands:\n")[2].splitlines()]
    assert [line for line in lines if line.endswith("...")] == []
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_help_text_shows_no_backslash(name: str) -> None:
    command = COMMANDS[name]
    assert "\\" not in command.get_help(click.Context(command, info_name=name))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page_of_commands(name: str) -> None:
    (section,) = re.findall(
        rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", GENERATOR.PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    lacking = [word for each in options(COMMANDS[name]) for word in each.opts if f" {word}" not in section]
    assert lacking == []


@pytest.mark.parametrize(("name", "page"), [("assay stats", "stats.md"), ("assay schema lint", "schema-lint.md")])
def test_every_option_is_in_the_table_of_a_commands_own_page(name: str, page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    longest = [
        max((*each.opts, *each.secondary_opts), key=len) for each in options(COMMANDS[name]) if each.name != "help"
    ]
    assert [word for word in longest if f"| `{word}" not in text] == []


@pytest.mark.parametrize("name", sorted(LEAVES.keys() - INTERACTIVE))
def test_a_command_can_answer_in_json(name: str) -> None:
    formats = [each.type for each in options(LEAVES[name]) if each.name == "output_format"]
    assert [True for each in formats if isinstance(each, click.Choice) and "json" in each.choices], name
