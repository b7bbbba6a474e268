"""The pages on seeds and backups name every command and option, and the settings that there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from assay.cli import backup, seed
from assay.ops.backup import settings

DOCS = Path(__file__).parents[2] / "docs"
COMMON = {"--help", "--connect-timeout", "--no-dotenv"}
"""That every command on a database has; they are told of elsewhere."""


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for each, inner in command.commands.items():
            yield from commands(inner, f"{name} {each}")
    else:
        yield name, command


PAGES = [("backup.md", *one) for one in commands(backup.command, "backup")] + [("seed.md", "seed", seed.command)]


@pytest.mark.parametrize(("page", "name", "command"), PAGES, ids=[name for _, name, _ in PAGES])
def test_every_command_and_option_is_on_the_page(page: str, name: str, command: click.Command) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert f"assay {name}" in text
    options = {max(option.opts, key=len) for option in command.params if isinstance(option, click.Option)}
    assert [option for option in sorted(options - COMMON) if option not in text] == []


@pytest.mark.parametrize(("page", "name", "command"), PAGES, ids=[name for _, name, _ in PAGES])
def test_every_command_can_answer_in_json_and_says_what_it_does(page: str, name: str, command: click.Command) -> None:
    assert "--output-format" in {name for option in command.params for name in option.opts}
    assert command.help
    for option in command.params:
        assert isinstance(option, click.Argument) or getattr(option, "help", None), option.name


@pytest.mark.parametrize("key", sorted(settings._STORE_KEYS))
def test_every_setting_of_a_store_is_on_the_page(key: str) -> None:
    assert key in (DOCS / "backup.md").read_text(encoding="utf-8")
