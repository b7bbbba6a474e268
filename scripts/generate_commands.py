"""Writes docs/commands.md: every command of ``assay`` with its help text.

    python scripts/generate_commands.py

A test fails while the page is not what this would write.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from assay.cli.root import command as root

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
WIDTH = 100
"""Columns of the help texts."""
HEAD = """\
# Commands

What `assay COMMAND --help` prints, for every command. This page is written by `scripts/generate_commands.py`.
"""


def commands(command: click.Command = root, name: str = "assay") -> Iterator[tuple[str, click.Command]]:
    """A command and all below it, with their full names, in alphabetical order."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None and not below.hidden:
                yield from commands(below, f"{name} {each}")


def page() -> str:
    """The page as it should be."""
    return "\n".join([HEAD, *(section(name, command) for name, command in commands())])


def section(name: str, command: click.Command) -> str:
    """One command: its name, and what its ``--help`` prints."""
    settings = {"help_option_names": ["-h", "--help"], "terminal_width": WIDTH, "max_content_width": WIDTH}
    context = click.Context(command, info_name=name, **settings)  # type: ignore[arg-type]  # each is what it takes
    lines = (line.rstrip() for line in command.get_help(context).splitlines())
    return "\n".join([f"## {name}", "", "```text", *lines, "```", ""])


def main() -> None:
    """Write the page, and say whether it changed."""
    new = page()
    changed = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != new
    PAGE.write_text(new, encoding="utf-8")
    print(f"{PAGE.name} {'written' if changed else 'is as it was'}")


if __name__ == "__main__":
    main()
