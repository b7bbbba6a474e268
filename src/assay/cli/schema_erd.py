"""``assay schema erd``: the entity-relationship diagram of a database."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from assay.cli.connecting import as_it_is_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import Settings, load_settings
from assay.errors import UsageError
from assay.wording import counted

if TYPE_CHECKING:
    from assay.schema.erd.model import Detail, Diagram
    from assay.schema.structure.model import Structure

_ENDINGS = (".svg", ".mmd", ".mermaid", ".md", ".txt", "")
"""What an ``--output`` may end in, in small letters: the picture's, and those that hold Mermaid's text."""


@click.command()
@click.option(
    "--as",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    help="Mermaid's text, or a picture.  [default: svg for an --output of that name, else mermaid]",
)
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), help="The file.")
@click.option(
    "--columns",
    type=click.Choice(["all", "keys", "none"]),
    default="all",
    show_default=True,
    help="Which columns the tables show.",
)
@click.option(
    "--table", "names", metavar="NAME", multiple=True, help="Only this table and those it has to do with; repeatable."
)
@as_it_is_option
@format_option()
def erd(
    form: Literal["mermaid", "svg"] | None,
    output: Path | None,
    columns: Detail,
    names: tuple[str, ...],
    database_url: str | None,
    output_format: str,
) -> None:
    """Draw the tables and how they refer to one another.

    The picture is made without a browser or a network, and the same schema gives the same bytes. Views are not in it,
    and a partitioned table stands for its partitions.
    """
    from assay.schema.erd.diagram import diagram_of, named_tables

    to_file = output is not None and str(output) != "-"
    form = form or _form_of(output if to_file else None)
    if output is not None and to_file:
        _refuse_other_endings(output)
    settings = load_settings()
    structure = asyncio.run(_read(settings, database_url))
    diagram = diagram_of(structure, detail=columns, only=named_tables(structure, names))
    text = _text(diagram, form)
    if output is not None and to_file:
        _write(output, text)
    if output_format == "json":
        write_json(_as_json(diagram, form, text, output if to_file else None))
    elif output is not None and to_file:
        print(f"{from_here(output)} written, {_counts(diagram)}")
    else:
        sys.stdout.write(text)


def _form_of(file: Path | None) -> Literal["mermaid", "svg"]:
    return "svg" if file is not None and file.suffix.lower() == ".svg" else "mermaid"


def _refuse_other_endings(file: Path) -> None:
    if file.suffix.lower() not in _ENDINGS:
        raise UsageError(
            f"{file} cannot be written: the diagram is an .svg, or Mermaid's text in a file that ends in .mmd, "
            ".mermaid, .md or .txt"
        )


async def _read(settings: Settings, database_url: str | None) -> Structure:
    from assay.cli.schema_diff import built_schema
    from assay.schema.structure.reader import read_structure

    otherwise = "to draw the tables of; -D URL takes a database as it is"
    return await read_structure(database(database_url) if database_url else await built_schema(settings, otherwise))


def _text(diagram: Diagram, form: str) -> str:
    from assay.schema.erd.mermaid import mermaid
    from assay.schema.erd.svg import draw

    if form == "mermaid":
        return mermaid(diagram)
    return draw(diagram, title=_counts(diagram)).svg


def _write(path: Path, text: str) -> None:
    from assay.proof.wholefiles import replace_file

    try:
        replace_file(path, text.encode(), 0o644)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _as_json(diagram: Diagram, form: str, text: str, path: Path | None) -> dict[str, Any]:
    titles = [box.title for box in diagram.boxes]
    return {
        "file": str(path) if path is not None else None,
        "form": form,
        "tables": titles,
        "foreign_keys": [
            {
                "name": link.name,
                "table": titles[link.child],
                "columns": list(link.columns),
                "refers_to": titles[link.parent],
                "many": link.many,
                "optional": link.optional,
            }
            for link in diagram.links
        ],
        "text": text,
    }


def _counts(diagram: Diagram) -> str:
    tables, keys = len(diagram.boxes), len(diagram.links)
    return f"{counted(tables, 'table')}, {counted(keys, 'foreign key')}"
