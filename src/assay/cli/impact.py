"""``assay impact``: the queries that use a table or a column."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from assay.cli.connecting import proving_option
from assay.cli.output import format_option, write_json
from assay.cli.progress import progress_bar
from assay.config import DatabaseUrl, load_settings

if TYPE_CHECKING:
    from assay.proof.impact import Impact


@click.command()
@click.argument("name")
@proving_option
@click.option("--exit-code", is_flag=True, help="Exit with 1 when a query uses it, or may.")
@format_option()
def command(name: str, database_url: str | None, exit_code: bool, output_format: str) -> None:
    """List the queries of the project that read or write a table or a column, through views too.

    NAME is table, table.column, schema.table or schema.table.column. What no query uses is looked up in the schema.
    """
    from assay.proof.checking import impact_on
    from assay.proof.impact import parse_name

    parse_name(name)
    server = DatabaseUrl.parse(database_url) if database_url else None
    with progress_bar("Describing") as told:
        found = impact_on(name, load_settings(), server, told)
    if output_format == "json":
        write_json(found.to_json())
    else:
        print("\n".join(_lines(found)))
    if exit_code and (found.uses or found.unknown):
        sys.exit(1)


def _lines(found: Impact) -> Iterator[str]:
    for use in found.uses:
        parts = (
            f"{verb} {', '.join(names)}" for verb, names in (("reads", use.reads), ("writes", use.writes)) if names
        )
        yield f"{use.place} {'; '.join(parts)}"
    for place in found.unknown:
        yield f"{place} may use it: the statement cannot be read"
    queries = "query" if found.queries == 1 else "queries"
    verb = "uses" if 1 in (found.queries, len(found.uses)) else "use"
    lacking = f"; {found.lacking}" if found.lacking else ""
    hint = f"; did you mean {found.close}?" if found.close else ""
    yield f"{len(found.uses)} of {found.queries} {queries} {verb} {found.name}{lacking}{hint}"
