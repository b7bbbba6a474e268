"""``assay migrate lint``: what the pending migrations would do to a live system and to the code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.migrate_options import folder, source_option
from assay.cli.migrate_plan import assume_rows_option, scratch_server, server_option
from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings

if TYPE_CHECKING:
    from assay.proof.findings import Finding
    from assay.schema.lint.lint import LintReport


@click.command()
@click.option(
    "--since",
    type=int,
    metavar="VERSION",
    help="Look at the migrations above this version.  [default: what the database of -D lacks, else the last one]",
)
@click.option(
    "--database-url",
    "-D",
    metavar="URL",
    help="The live database, whose ledger tells what is pending and whose statistics tell how large tables are.",
)
@assume_rows_option
@click.option("--squawk/--no-squawk", default=None, help="Ask Squawk too.  [default: if it is installed]")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@server_option
@source_option
@format_option("github")
def lint(
    since: int | None,
    database_url: str | None,
    assume_rows: int | None,
    squawk: bool | None,
    strict: bool,
    server: str | None,
    source: Path | None,
    output_format: str,
) -> None:
    """Tell what pending migrations would block, throw away or break.

    Each is run on a scratch database and watched, reverted and compared, and the project's queries are proven on the
    schema that it makes. Comments such as -- assay: ignore[MIG107] silence findings. Exits with 1 when something is
    found.
    """
    from assay.migrate import load
    from assay.schema.lint.lint import Request
    from assay.schema.lint.lint import lint as look

    request = Request(
        load(folder(source)),
        scratch_server(server),
        DatabaseUrl.parse(database_url) if database_url else None,
        since,
        assume_rows,
        _squawk(squawk),
    )
    report = look(load_settings(), request)
    for notice in report.plan.notices:
        print(notice, file=sys.stderr)
    _write(report, output_format)
    if report.fails(strict=strict):
        sys.exit(1)


def _write(report: LintReport, output_format: str) -> None:
    from assay.cli.check import print_lines, takes_colours
    from assay.proof.report import coloured, plain
    from assay.schema.lint.lint import closing_line, to_text

    match output_format:
        case "json":
            write_json(report.to_json())
        case "github":
            print_lines([*_commands(report.findings), closing_line(report)])
        case _:
            print_lines(to_text(report, coloured if takes_colours() else plain))


def _commands(findings: Iterable[Finding]) -> Iterator[str]:
    """Workflow commands; places in migrations are relative to here, and those in the code to the project's root."""
    from assay.proof.reports.github import commands
    from assay.proof.reports.located import base_folder

    root = load_settings().root
    told = [
        found
        if found.rule.code == "MIG301"
        else replace(found, place=replace(found.place, path=str(Path(found.place.path).resolve())))
        for found in findings
    ]
    return commands(told, root, base_folder(root, os.environ))


def _squawk(asked: bool | None) -> Path | None:
    """Squawk's program where it is to be asked."""
    from assay.errors import UsageError
    from assay.schema.lint.squawk import squawk_program

    found = squawk_program() if asked is not False else None
    if found is None and asked:
        raise UsageError("Squawk is not installed; install it with: pip install squawk-cli")
    if found is None and asked is None:
        print("Squawk is not installed, so its rules are not asked: pip install squawk-cli", file=sys.stderr)
    return found
