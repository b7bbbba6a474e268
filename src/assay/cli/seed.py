"""``assay seed``: load the project's seeds."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from assay.cli.output import format_option, write_json
from assay.cli.places import database, from_here
from assay.config import DatabaseUrl, load_settings

if TYPE_CHECKING:
    from assay.ops.seed import Seeded


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
@format_option()
def command(environment: str | None, source: Path | None, database_url: str | None, output_format: str) -> None:
    """Load the project's seeds: SQL files, in name order, each in a transaction.

    The files of the folder come first, then those of its subfolder "common", then those of the environment. Files are
    run as they are, so write them to be safe to run twice, as with ON CONFLICT DO NOTHING. A file that fails is
    rolled back, and those after it are not loaded.
    """
    from assay.ops.seed import seed_files

    files = seed_files(source if source is not None else from_here(load_settings().seeds), environment)
    url = database(database_url)
    started = perf_counter()
    seeded = asyncio.run(_load(url, files, quiet=output_format == "json"))
    seconds = perf_counter() - started
    if output_format == "json":
        write_json(_to_json(seeded, seconds))
        return
    count = f"{len(seeded)} {'file' if len(seeded) == 1 else 'files'}"
    print(f"Seeded {url.place} with {count}, {_rows(sum(one.rows for one in seeded))}, in {seconds:.2f} s")


async def _load(url: DatabaseUrl, files: tuple[Path, ...], *, quiet: bool) -> list[Seeded]:
    from assay.ops.seed import load

    done = []
    width = max((len(str(file)) for file in files), default=0)
    async with aclosing(load(url, files)) as loading:
        async for one in loading:
            done.append(one)
            if not quiet:
                print(f"{one.file!s:<{width}}  {_rows(one.rows)}", flush=True)
    return done


def _rows(count: int) -> str:
    return f"{count} {'row' if count == 1 else 'rows'}"


def _to_json(seeded: list[Seeded], seconds: float) -> dict[str, Any]:
    return {
        "files": [{"file": str(one.file), "rows": one.rows, "seconds": round(one.seconds, 6)} for one in seeded],
        "rows": sum(one.rows for one in seeded),
        "seconds": round(seconds, 6),
    }
