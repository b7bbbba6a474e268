"""``assay schema models``: row classes for tables, and modules of typed functions on them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.connecting import as_it_is_option
from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import Settings, load_settings
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.proof.rowsource import Style
    from assay.schema.models.files import Change
    from assay.schema.models.generate import Generated
    from assay.schema.models.settings import ModelSettings


@click.command(short_help="Write row classes and functions for the tables.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, allow_dash=True),
    help="The package that is written, or a .py file for the row classes alone; - for standard output.  "
    "[default: output in [tool.assay.models], else -]",
)
@click.option("--crud/--no-crud", default=None, help="Write a module of functions for each table too.")
@click.option("--style", type=click.Choice(["dataclass", "struct"]), help="Of the classes.  [default: dataclass]")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 when a file is not up to date.")
@click.option("--force", is_flag=True, help="Write over generated parts that were changed by hand.")
@as_it_is_option
@format_option()
def models(
    output: Path | None,
    crud: bool | None,
    style: Style | None,
    check: bool,
    force: bool,
    database_url: str | None,
    output_format: str,
) -> None:
    """Write row classes for the tables and views, and functions to read and write them.

    With --crud each table has a module: get, page, insert, insert_many, copy, upsert, update and delete, each with its
    SQL in plain sight, as assay check proves it. Generated code stands between two marks; what is around them stays.
    """
    from assay.schema.models.settings import model_settings

    settings = load_settings()
    wanted = model_settings(settings.models)
    target = _target(output, wanted, settings)
    crud = wanted.crud if crud is None else crud
    if crud and (target is None or target.suffix == ".py"):
        raise UsageError("--crud writes a package; name its folder with --output, or as output in [tool.assay.models]")
    generated = asyncio.run(_generate(settings, database_url, style or wanted.style, crud, wanted))
    for note in generated.notes:
        print(f"warning: {note}", file=sys.stderr)
    if target is None:
        _print(generated, as_json=output_format == "json")
    else:
        _write(target, generated, check=check, force=force, as_json=output_format == "json")


def _target(output: Path | None, wanted: ModelSettings, settings: Settings) -> Path | None:
    """The folder or file to write; None for standard output."""
    if output is None:
        return settings.root / wanted.output if wanted.output is not None else None
    return None if str(output) == "-" else Path.cwd() / output


async def _generate(
    settings: Settings, database_url: str | None, style: Style, crud: bool, wanted: ModelSettings
) -> Generated:
    from assay.cli.schema_diff import built_schema
    from assay.schema.models.generate import generate

    otherwise = "to write models of; -D URL takes a database as it is"
    url = database(database_url) if database_url else await built_schema(settings, otherwise)
    return await generate(url, style, crud=crud, payloads=wanted.payloads)


def _print(generated: Generated, *, as_json: bool) -> None:
    source = generated.sources[0].body
    if as_json:
        write_json({"source": source, "relations": generated.relations, "notes": list(generated.notes)})
    else:
        sys.stdout.write(source)


def _write(target: Path, generated: Generated, *, check: bool, force: bool, as_json: bool) -> None:
    from assay.schema.models.files import plan_files, write_files

    changes = plan_files(target, generated.sources, force=force)
    if not check:
        write_files(changes)
    stale = [change for change in changes if change.state != "unchanged"]
    if as_json:
        write_json({
            "folder": str(target),
            "files": [{"path": str(change.path), "state": change.state} for change in changes],
            "relations": generated.relations,
            "functions": generated.functions,
            "notes": list(generated.notes),
            "changed": bool(stale),
        })  # fmt: skip
    else:
        _tell(target, stale, generated, check=check)
    sys.exit(1 if check and stale else 0)


_DONE = {"new": "written", "changed": "written", "gone": "removed"}
_LACKING = {"new": "is missing", "changed": "is not up to date", "gone": "is of a table that there is no more"}


def _tell(target: Path, stale: list[Change], generated: Generated, *, check: bool) -> None:
    for change in stale:
        words = _LACKING[change.state] if check else _DONE[change.state]
        print(f"{from_here(change.path)} {words}")
    if check and stale:
        print("Write them with assay schema models")
        return
    made = f"{generated.relations} row class{'' if generated.relations == 1 else 'es'}"
    made += f", {generated.functions} functions" if generated.functions else ""
    print(f"{from_here(target)}: {made}{'' if stale else ', all as they were'}")
