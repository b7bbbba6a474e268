"""``assay schema``: what is done with the database's schema."""

from __future__ import annotations

import asyncio
import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.connecting import as_it_is_option
from assay.cli.output import format_option, write_json
from assay.cli.places import from_here
from assay.cli.schema_diff import diff
from assay.cli.schema_docs import docs
from assay.cli.schema_erd import erd
from assay.cli.schema_lint import lint
from assay.cli.schema_models import models
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import UsageError
from assay.wording import counted

if TYPE_CHECKING:
    from assay.schema.dump import Dump


@click.group()
def command() -> None:
    """Write out, compare, lint and document the database's schema, and write models of it."""


command.add_command(diff)
command.add_command(docs)
command.add_command(erd)
command.add_command(models)
command.add_command(lint)


@command.command()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="The file; - for standard output.  [default: schema.sql in the project's root]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the file is not up to date.")
@as_it_is_option
@format_option()
def dump(output: Path | None, check: bool, database_url: str | None, output_format: str) -> None:
    """Write the schema that the migrations build to one file of SQL.

    The same schema gives the same bytes, on any server of one major version, so the file can be kept beside the
    migrations and shows in a review what they add up to. It can be loaded into an empty database. Owners, privileges,
    user mappings and subscriptions are not in it, nor is the table in which migrations are recorded.
    """
    from assay.proof.wholefiles import read_file

    settings = load_settings()
    url = DatabaseUrl.parse(database_url) if database_url else None
    found = asyncio.run(_dump(settings, url))
    if found.unloaded:
        print(f"warning: whether the file can be loaded was not tried: {found.unloaded}", file=sys.stderr)
    to_stdout = output is not None and str(output) == "-"
    if to_stdout and not check and output_format == "text":
        sys.stdout.write(found.text)
        return
    path = output if output is not None and not to_stdout else settings.root / "schema.sql"
    old = read_file(path)
    if output_format == "json":
        write_json({
            "file": None if to_stdout else str(path),
            "sql": found.text,
            "statements": found.statements,
            "changed": old != found.text,
            "loaded": not found.unloaded,
        })  # fmt: skip
    elif check:
        _show_difference(path, old, found.text)
    if check:
        sys.exit(1 if old != found.text else 0)
    if not to_stdout:
        _write(path, old, found, quiet=output_format == "json")


async def _dump(settings: Settings, url: DatabaseUrl | None) -> Dump:
    from assay.cli.schema_diff import built_schema
    from assay.schema.dump import dump_schema

    otherwise = "to write out; -D URL writes out a database as it is"
    return await dump_schema(url or await built_schema(settings, otherwise))


def _show_difference(path: Path, old: str | None, new: str) -> None:
    shown = str(from_here(path))
    if old is None:
        print(f"{shown} is missing: write it with assay schema dump")
    elif old != new:
        lines = difflib.unified_diff(old.splitlines(), new.splitlines(), shown, "the schema", lineterm="")
        print("\n".join(lines))
        print(f"{shown} is not up to date: write it with assay schema dump")
    else:
        print(f"{shown} is up to date")


def _write(path: Path, old: str | None, found: Dump, *, quiet: bool) -> None:
    from assay.proof.wholefiles import replace_file

    if old != found.text:
        try:
            replace_file(path, found.text.encode(), 0o644)
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    if not quiet:
        state = "is as it was" if old == found.text else "written"
        print(f"{from_here(path)} {state}, {counted(found.statements, 'statement')}")
