"""``assay schema docs``: a static site about the database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assay.cli.connecting import as_it_is_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.cli.progress import progress_bar
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import Error
from assay.wording import counted

if TYPE_CHECKING:
    from assay.schema.docs.model import Facts


@click.command(short_help="Write a static site about the tables and their queries.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder.  [default: schema-docs in the project's root]",
)
@click.option("--title", help="Of the site.  [default: the name of the project's folder]")
@click.option("--no-queries", is_flag=True, help="Leave out the queries of the code.")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when the folder is not up to date.")
@as_it_is_option
@format_option()
def docs(
    output: Path | None,
    title: str | None,
    no_queries: bool,
    check: bool,
    database_url: str | None,
    output_format: str,
) -> None:
    """Write a static site about the tables, and the queries of the code that read and write them.

    One page a table, with columns, constraints, indexes, relations, comments and queries; pages for types and
    functions; and the diagram. It opens from a disk, asks no network for anything, and the same schema and code give
    the same bytes. A folder that the command did not write is never written over.
    """
    from assay.schema.docs.folder import check_folder, is_current, write_folder
    from assay.schema.docs.site import site

    settings = load_settings()
    folder = Path.cwd() / output if output is not None else settings.root / "schema-docs"
    check_folder(folder)
    url = asyncio.run(_schema(settings, database_url))
    queries, notes = ([], []) if no_queries else _queries(settings, url if database_url else None)
    facts = asyncio.run(_gather(url, title or settings.root.name, queries, notes))
    files = site(facts)
    current = is_current(folder, files)
    if not check and not current:
        write_folder(folder, files)
    for note in facts.notes:
        print(f"warning: {note}", file=sys.stderr)
    if output_format == "json":
        write_json(_as_json(folder, facts, files, changed=not current))
    else:
        print(_told(folder, facts, files, current=current, check=check))
    sys.exit(1 if check and not current else 0)


async def _schema(settings: Settings, database_url: str | None) -> DatabaseUrl:
    from assay.cli.schema_diff import built_schema

    otherwise = "to write about; -D URL takes a database as it is"
    return database(database_url) if database_url else await built_schema(settings, otherwise)


def _queries(settings: Settings, url: DatabaseUrl | None) -> tuple[list[Any], list[str]]:
    """The queries of the code as a check reports them, and a note where they cannot be had."""
    import msgspec

    from assay.proof.basis import read_migrations
    from assay.proof.checking import checked

    try:
        server = None if read_migrations(settings) else url
        with progress_bar("Describing") as told:
            report = checked(settings, server, told)
    except Error as error:
        return [], [f"The queries of the code are left out: {error.message}"]
    found = msgspec.json.decode(report.queries)
    unread = sum(query.get("description") is None for query in found)
    known = [query for query in found if query.get("description") is not None]
    several = f"{unread} queries of the code are" if unread != 1 else "One query of the code is"
    return known, [f"{several} left out, for assay check cannot prove what they use"] if unread else []


async def _gather(url: DatabaseUrl, title: str, queries: list[Any], notes: list[str]) -> Facts:
    from assay.schema.docs.facts import gather

    return await gather(url, title, queries, notes)


def _as_json(folder: Path, facts: Facts, files: dict[str, bytes], *, changed: bool) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "files": list(files),
        "tables": [table.relation.label for table in facts.tables],
        "types": len(facts.types),
        "functions": len(facts.routines),
        "queries": len(facts.queries),
        "notes": list(facts.notes),
        "changed": changed,
    }


def _told(folder: Path, facts: Facts, files: dict[str, bytes], *, current: bool, check: bool) -> str:
    where = from_here(folder)
    if check:
        return f"{where} is up to date" if current else f"{where} is not up to date: write it with assay schema docs"
    pages = counted(sum(name.endswith(".html") for name in files), "page")
    tables = counted(len(facts.tables), "table or view", "tables and views")
    counts = f"{pages}, {tables}, {counted(len(facts.queries), 'query', 'queries')}"
    return f"{where} {'is as it was' if current else 'written'}: {counts}"
