"""``assay check``: prove every query of the project."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--database-url",
    metavar="URL",
    help="A server to build the schema on, in a database of its own, instead of the embedded one; "
    "in a project without migrations, the database to prove against.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--show-unverified", is_flag=True, help="List the arguments whose types no annotation tells.")
@format_option()
def command(
    paths: tuple[Path, ...], database_url: str | None, strict: bool, show_unverified: bool, output_format: str
) -> None:
    """Prove every query of the project, or of the given files and folders.

    Each statement is described by a PostgreSQL that has the schema of the migrations, and compared with the row
    classes and arguments in the code. With ASSAY_OFFLINE=true the answers come from the offline cache, without a
    server. Exits with 1 when something is wrong.
    """
    from assay.proof.project import check
    from assay.proof.report import to_text

    settings = load_settings()
    if paths:
        settings = replace(settings, source=tuple(path.resolve() for path in paths))
    report = check(settings, DatabaseUrl.parse(database_url) if database_url else None)
    if output_format == "json":
        write_json(report.to_json())
    else:
        for line in to_text(report, show_unverified=show_unverified):
            print(line)
    if report.fails(strict=strict):
        sys.exit(1)
