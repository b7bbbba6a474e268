"""``assay describe``: what a statement takes and returns."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings
from assay.errors import DatabaseError

if TYPE_CHECKING:
    from assay.proof.description import Description
    from assay.proof.rowsource import Style
    from assay.sql.placeholders import Statement


@click.command(context_settings={"ignore_unknown_options": True})  # a statement may begin with a comment
@click.argument("sql")
@click.option(
    "--database-url",
    metavar="URL",
    help="A server to build the schema on, in a database of its own, instead of the embedded one; "
    "in a project without migrations, the database to ask.",
)
@click.option(
    "--as",
    "style",
    type=click.Choice(["dataclass", "struct"]),
    help="Print a class for the statement's rows instead: a dataclass, or a msgspec.Struct.",
)
@click.option("--name", default="Row", show_default=True, help="With --as, the name of the class.")
@click.option("--json", "as_json", is_flag=True, help="The same as --output-format json.")
@format_option()
def command(
    sql: str, database_url: str | None, style: Style | None, name: str, as_json: bool, output_format: str
) -> None:
    """Print the parameters, columns and row bound of a statement, and the tables it reads and writes.

    SQL is the statement, or - to read it from standard input. It is not run. Exits with 1 when PostgreSQL refuses it.
    """
    from assay.sql import placeholders

    statement = placeholders.parse(sys.stdin.read() if sql == "-" else sql)
    as_json = as_json or output_format == "json"
    try:
        description = asyncio.run(_describe(statement, DatabaseUrl.parse(database_url) if database_url else None))
    except DatabaseError as error:
        if error.statement is None:  # not about the statement: no connection, no such database
            raise
        _show_error(statement, error, as_json)
        sys.exit(1)
    if style is not None:
        _show_class(description, style, name, as_json)
    elif as_json:
        write_json(description.to_json())
    else:
        print("\n".join(_lines(statement, description)))


def _show_class(description: Description, style: Style, name: str, as_json: bool) -> None:
    from assay.proof.rowsource import row_source

    source = row_source(description, style, name)
    if as_json:
        write_json({"name": name, "source": source})
    else:
        print(source, end="")


async def _describe(statement: Statement, server: DatabaseUrl | None) -> Description:
    from assay.proof.basis import find_schema
    from assay.proof.describe import describe
    from assay.runtime.connecting import open_connection

    schema = await find_schema(load_settings(), server)
    connection = await open_connection(schema.url)
    try:
        return await describe(connection, statement.text)
    finally:
        await connection.close()


def _lines(statement: Statement, description: Description) -> list[str]:
    reason = f"   {description.rows_reason}" if description.rows_reason else ""
    lines = [f"rows: {description.rows}{reason}"]
    lines += _section("parameters", _parameter_rows(statement, description))
    lines += _section("columns", _column_rows(description))
    lines += _section("reads", [[name] for name in description.reads])
    lines += _section("writes", [[name] for name in description.writes])
    if description.unfiltered:
        lines.append("it changes every row of its table")
    return [*lines, *(f"not proven: {note}" for note in description.notes)]


def _parameter_rows(statement: Statement, description: Description) -> list[list[str]]:
    names = [f":{name}" for name in statement.names] or [f"${n}" for n in range(1, len(description.params) + 1)]
    return [
        [name, str(parameter.type), f"NULL {parameter.null}", parameter.reason]
        for name, parameter in zip(names, description.params, strict=True)
    ]


def _column_rows(description: Description) -> list[list[str]]:
    return [
        [column.name, str(column.type), "may be NULL" if column.nullable else "never NULL", column.reason]
        for column in description.columns
    ]


def _section(title: str, rows: list[list[str]]) -> list[str]:
    """A heading and rows whose cells stand below each other; nothing when there are no rows."""
    if not rows:
        return []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return [f"{title}:", *(f"  {line.rstrip()}" for line in cells)]


def _show_error(statement: Statement, error: DatabaseError, as_json: bool) -> None:
    from assay.proof.excerpt import excerpt, server_words

    offset = statement.source_offset(error.position - 1) if error.position else None
    if as_json:
        write_json({"error": _error_to_json(error, server_words(error), offset)})
        return
    print(f"error: {server_words(error)}", file=sys.stderr)
    if offset is not None:
        print(*excerpt(statement.source, offset), sep="\n", file=sys.stderr)
    for word, text in (("detail", error.detail), ("hint", error.hint)):
        if text:
            print(f"{word}: {text}", file=sys.stderr)


def _error_to_json(error: DatabaseError, message: str, offset: int | None) -> dict[str, Any]:
    position = offset + 1 if offset is not None else None
    return {
        "message": message,
        "sqlstate": error.sqlstate,
        "position": position,
        "detail": error.detail,
        "hint": error.hint,
    }
