"""``assay schema lint``: what in the schema is redundant, missing or open."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from assay.cli.connecting import connect_timeout_option, reachable
from assay.cli.output import format_option, write_json
from assay.cli.progress import progress_bar
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.schema.advice.advice import AdviceReport


@click.command(short_help="Tell what in the schema is redundant, missing or open.")
@click.option(
    "--database-url",
    "-D",
    metavar="URL",
    help="A live database, as it is, instead of what the migrations build; only there are unused indexes looked for.",
)
@click.option("--only", multiple=True, metavar="CODE", help="Look for this rule alone; may be given several times.")
@click.option("--all", "every", is_flag=True, help="Look for matters of taste too: SCH204 and SCH206.")
@click.option(
    "--unused-days",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="DAYS",
    help="How long the statistics must go back before an index is called unused.",
)
@click.option("--code/--no-code", default=True, help="Compare enums and CHECKs with the classes in the code.")
@click.option(
    "--server",
    metavar="URL",
    help="A server to build the schema on, in a database of its own, instead of the embedded one.",
)
@connect_timeout_option
@format_option("github")
def lint(
    database_url: str | None,
    only: tuple[str, ...],
    every: bool,
    unused_days: float,
    code: bool,
    server: str | None,
    output_format: str,
) -> None:
    """Tell what in the schema is redundant, missing, open or not as the code has it, with the SQL that mends it.

    The schema is the one that the migrations build. Nothing is changed. Comments such as
    -- assay: ignore[SCH101] and why silence findings. Exits with 1 when something is found. assay explain says more
    about each rule.
    """
    from assay.schema.advice.advice import Request, advise

    settings = load_settings()
    live = reachable(DatabaseUrl.parse(database_url)) if database_url else None
    home = DatabaseUrl.parse(server) if server else None
    request = Request(live, _rules(only, every=every), unused_days, home, code)
    with progress_bar("Describing") as told:
        report = advise(settings, request, told)
    for note in report.notes:
        print(f"warning: {note}", file=sys.stderr)
    _write(report, settings, output_format)
    if report.findings:
        sys.exit(1)


def _rules(only: tuple[str, ...], *, every: bool) -> frozenset[str]:
    from assay.proof.explain import find_rule
    from assay.schema.advice.rules import HABITS, RULES

    if only and every:
        raise UsageError("--only names the rules to look for, --all means them all; give one of them")
    if only:
        return frozenset(find_rule(code, RULES).code for code in only)
    return frozenset(RULES) - (frozenset() if every else HABITS)


def _write(report: AdviceReport, settings: Settings, output_format: str) -> None:
    from assay.cli.check import print_lines, takes_colours
    from assay.proof.report import coloured, plain
    from assay.proof.reports.located import base_folder
    from assay.schema.advice.report import to_github, to_text

    match output_format:
        case "json":
            write_json(report.to_json())
        case "github":
            base = base_folder(settings.root, os.environ)
            print_lines(to_github(report, settings.migrations, settings.root, base))
        case _:
            print_lines(to_text(report, coloured if takes_colours() else plain))
