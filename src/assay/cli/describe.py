"""``assay describe``: what a statement takes and returns."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import click

from assay.cli.connecting import proving_option
from assay.cli.output import format_option, write_json
from assay.config import DatabaseUrl, load_settings
from assay.errors import DatabaseError

if TYPE_CHECKING:
    from assay.proof.description import Description
    from assay.proof.rowsource import Style
    from assay.proof.templated import Branch
    from assay.sql.placeholders import Statement


@click.command(context_settings={"ignore_unknown_options": True})  # a statement may begin with a comment
@click.argument("sql")
@proving_option
@click.option(
    "--as",
    "style",
    type=click.Choice(["dataclass", "struct"]),
    help="Print a class for the statement's rows instead: a dataclass, or a msgspec.Struct.",
)
@click.option("--name", default="Row", show_default=True, help="With --as, the name of the class.")
@click.option(
    "--choice",
    "choices",
    metavar="NAME=TEXT",
    multiple=True,
    help="A text that can take the place of {NAME} in the statement; give it once for each of them.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --output-format json.")
@format_option()
def command(
    sql: str,
    database_url: str | None,
    style: Style | None,
    name: str,
    choices: tuple[str, ...],
    as_json: bool,
    output_format: str,
) -> None:
    """Print the parameters, columns and row bound of a statement, and the tables it reads and writes.

    SQL is the statement, or - to read it from standard input. It is not run. Of one with clauses, [[ ... ]], or
    choices, {name}, each statement that can come of it is described. Exits with 1 when PostgreSQL refuses one.
    """
    from assay.proof.templated import branches_of

    branches = branches_of(sys.stdin.read() if sql == "-" else sql, choices)
    as_json = as_json or output_format == "json"
    server = DatabaseUrl.parse(database_url) if database_url else None
    outcomes = asyncio.run(_describe([branch.statement for branch in branches], server))
    described = [
        (branch, outcome)
        for branch, outcome in zip(branches, outcomes, strict=False)
        if not isinstance(outcome, DatabaseError)
    ]
    if isinstance(outcomes[-1], DatabaseError):
        _show_error(branches[len(outcomes) - 1], outcomes[-1], as_json)
        sys.exit(1)
    if style is not None:
        _show_class([description for _, description in described], style, name, as_json)
    elif as_json:
        write_json(_to_json(described))
    else:
        print("\n".join(_all_lines(described)))


def _to_json(described: list[tuple[Branch, Description]]) -> dict[str, Any]:
    """Of a statement, what is known of it; of one with clauses or choices, a list of that."""
    if len(described) == 1 and not described[0][0].words:
        return described[0][1].to_json()
    return {"branches": [{"with": branch.words} | description.to_json() for branch, description in described]}


def _all_lines(described: list[tuple[Branch, Description]]) -> list[str]:
    lines: list[str] = []
    for branch, description in described:
        own = _lines(branch.statement, description)
        lines += [f"{branch.words}:", *(f"  {line}" for line in own)] if branch.words else own
    return lines


def _show_class(descriptions: list[Description], style: Style, name: str, as_json: bool) -> None:
    from assay.proof.rowsource import row_source
    from assay.proof.verdict.joining import common_description

    common = common_description(descriptions)
    if common is None:
        raise click.UsageError("the statements that can run return different columns, so that no one class fits them")
    source = row_source(common, style, name)
    if as_json:
        write_json({"name": name, "source": source})
    else:
        print(source, end="")


async def _describe(statements: list[Statement], server: DatabaseUrl | None) -> list[Description | DatabaseError]:
    """What is known of each statement, up to the first that is refused."""
    from assay.proof.basis import find_schema
    from assay.proof.describe import describe
    from assay.runtime.connecting import open_connection

    schema = await find_schema(load_settings(), server)
    connection = await open_connection(schema.url)
    found: list[Description | DatabaseError] = []
    try:
        for statement in statements:
            found.append(await describe(connection, statement.text))  # noqa: PERF401 - those before an error count
    except DatabaseError as error:
        if error.statement is None:  # not about the statement: no connection, no such database
            raise
        found.append(error)
    finally:
        await connection.close()
    return found


def _lines(statement: Statement, description: Description) -> list[str]:
    reason = f"   {description.rows_reason}" if description.rows_reason else ""
    lines = [f"rows: {description.rows}{reason}"]
    lines += _section("parameters", _parameter_rows(statement, description))
    lines += _section("columns", _column_rows(description))
    lines += _section("reads", [[name] for name in description.reads])
    lines += _section("writes", [[name] for name in description.writes])
    if description.unfiltered:
        lines.append("it changes every row of its table")
    if description.left_out:
        lines.append(f"every row is refused: {', '.join(description.left_out)} must be given")
    return [*lines, *(f"not proven: {note}" for note in description.notes)]


def _parameter_rows(statement: Statement, description: Description) -> list[list[str]]:
    numbers = statement.numbers or range(1, len(description.params) + 1)
    names = [f":{name}" for name in statement.names] or [f"${number}" for number in numbers]
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


def _show_error(branch: Branch, error: DatabaseError, as_json: bool) -> None:
    from assay.proof.excerpt import excerpt, server_words

    statement = branch.statement
    offset = statement.source_offset(error.position - 1) if error.position else None
    message = server_words(error) + (f", {branch.words}" if branch.words else "")
    if as_json:
        write_json({"error": _error_to_json(error, message, offset)})
        return
    print(f"error: {message}", file=sys.stderr)
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
