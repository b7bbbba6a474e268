"""``assay seed``: load the project's seeds."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from itertools import zip_longest
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import DatabaseUrl, Settings, load_settings
from assay.errors import UsageError
from assay.wording import counted

if TYPE_CHECKING:
    from assay.ops.seed import Seeded
    from assay.ops.seed_check import Checked


@click.command()
@click.option("--env", "environment", metavar="NAME", help="Load the seeds of this subfolder too, after the others.")
@click.option(
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the seeds.  [default: that of the project, seeds unless set]",
)
@click.option(
    "--database-url",
    "-D",
    metavar="URL",
    help="The database.  [default: DATABASE_URL, or else the embedded server]",
)
@click.option(
    "--check",
    "checking",
    is_flag=True,
    help="Load them twice into a scratch database instead, and tell what the second run changes.",
)
@format_option()
def command(
    environment: str | None, source: Path | None, database_url: str | None, checking: bool, output_format: str
) -> None:
    """Load the project's seeds: files of SQL and Python, in name order, each in a transaction.

    The files of the folder come first, then those of its subfolder "common", then those of the environment. A file
    that would add the same rows again when it is loaded again is refused, with what to do. A file that fails is rolled
    back, and those after it are not loaded. With --check, exits with 1 when the second run changes anything.
    """
    from assay.ops.seed import seed_files

    settings = load_settings()
    files = seed_files(source if source is not None else from_here(settings.seeds), environment)
    if checking:
        checked = asyncio.run(_check(settings, database_url, files))
        _show_checked(checked, output_format)
        sys.exit(1 if checked.changed else 0)
    url = database(database_url)
    started = perf_counter()
    seeded = asyncio.run(_load(url, files, quiet=output_format == "json"))
    seconds = perf_counter() - started
    if output_format == "json":
        write_json(_to_json(seeded, seconds))
        return
    rows = counted(sum(one.rows for one in seeded), "row")
    print(f"Seeded {url.place} with {counted(len(seeded), 'file')}, {rows}, in {seconds:.2f} s")


async def _check(settings: Settings, database_url: str | None, files: tuple[Path, ...]) -> Checked:
    from assay.ops.seed_check import check_seeds
    from assay.proof.basis import find_schema
    from assay.schema.scratch import copy_of

    schema = await find_schema(settings, DatabaseUrl.parse(database_url) if database_url else None)
    if not schema.migrations:
        raise UsageError(
            f"There are no migrations in {from_here(settings.migrations)} to build a scratch database from; "
            "assay migrate baseline writes the first one from a database"
        )
    async with copy_of(schema.url) as scratch:
        return await check_seeds(scratch, files)


def _show_checked(checked: Checked, output_format: str) -> None:
    runs = list(zip_longest(checked.first, checked.second))
    if output_format == "json":
        write_json({
            "files": [
                {"file": str(one.file), "rows": one.rows, "rows_again": again.rows if again else None}
                for one, again in runs
            ],
            "changed": [{"file": str(one.file), "table": one.table, "text": one.text} for one in checked.changed],
        })  # fmt: skip
        return
    width = max((len(str(one.file)) for one in checked.first), default=0)
    for one, again in runs:
        print(f"{one.file!s:<{width}}  {counted(one.rows, 'row')}, then {again.rows if again else 'not loaded'}")
    for change in checked.changed:
        print(f"{change.file}: {change.text}")
    if not checked.changed:
        print(f"{counted(len(checked.first), 'file')} can be loaded again and again")


async def _load(url: DatabaseUrl, files: tuple[Path, ...], *, quiet: bool) -> list[Seeded]:
    from assay.ops.seed import load

    done = []
    width = max((len(str(file)) for file in files), default=0)
    async with aclosing(load(url, files)) as loading:
        async for one in loading:
            done.append(one)
            if not quiet:
                print(f"{one.file!s:<{width}}  {counted(one.rows, 'row')}", flush=True)
    return done


def _to_json(seeded: list[Seeded], seconds: float) -> dict[str, Any]:
    return {
        "files": [{"file": str(one.file), "rows": one.rows, "seconds": round(one.seconds, 6)} for one in seeded],
        "rows": sum(one.rows for one in seeded),
        "seconds": round(seconds, 6),
    }
