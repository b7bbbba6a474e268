"""``assay stats``: sizes, use of indexes, sessions, locks, slow statements and upkeep."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING

import click

from assay.cli.connecting import connecting_options
from assay.cli.output import format_option, write_json
from assay.cli.places import database
from assay.config import DatabaseUrl, load_settings
from assay.errors import Error, ProofError

if TYPE_CHECKING:
    from assay.ops.stats.code import Places
    from assay.ops.stats.stats import Stats

SECTIONS = (
    "database", "tables", "indexes", "cache", "bloat", "connections", "transactions", "locks", "statements",
    "replication", "vacuum",
)  # fmt: skip
"""Those of assay.ops.stats.stats, which is imported only to read them."""
_CLEARED = "\x1b[H\x1b[2J\x1b[3J"
"""To the corner, and empty the screen and what has scrolled out of it."""


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(SECTIONS),
    help="Show this section alone; may be given several times.  [default: all]",
)
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Rows of a section at most.")
@click.option(
    "--watch",
    "seconds",
    is_flag=False,
    flag_value=2.0,
    type=click.FloatRange(min=0.1),
    metavar="[SECONDS]",
    help="Show it again and again, every 2 seconds unless given, until Ctrl-C.",
)
@click.option("--code/--no-code", default=True, help="Look up in the code where slow statements are sent from.")
@connecting_options("The database.  [default: DATABASE_URL, or else the embedded server]")
@format_option()
def command(
    only: tuple[str, ...],
    limit: int,
    seconds: float | None,
    code: bool,
    database_url: str | None,
    output_format: str,
) -> None:
    """Tell how a database is doing: what is large, what is slow, who waits for whom, and what is not kept up.

    Nothing is changed. Literals in the statements of others are left out. It works for every role, and says what a
    role may not see. Statements of its own end after 10 seconds, and wait half a second for a lock.
    """
    names = [name for name in SECTIONS if not only or name in only]
    url = database(database_url)
    places = _places() if code and "statements" in names else None
    show = _Show(url, names, limit, places, output_format)
    if seconds is None:
        show.write(asyncio.run(show.read()))
    else:
        _watch(show, seconds)


def _places() -> Places | None:
    from assay.ops.stats.code import statements_of

    try:
        return statements_of(load_settings())
    except ProofError as error:
        print(f"warning: the code was not looked at: {error}", file=sys.stderr)
        return None


class _Show:
    """What is to be shown, and how."""

    def __init__(
        self, url: DatabaseUrl, names: list[str], limit: int, places: Places | None, output_format: str
    ) -> None:
        self.url, self.names, self.limit, self.places = url, names, limit, places
        self.as_json = output_format == "json"
        self.to_terminal: bool = getattr(sys.stdout, "isatty", bool)()  # it is None where it was closed

    async def read(self) -> Stats:
        """What the server says now."""
        from assay.ops.stats.session import open_session
        from assay.ops.stats.stats import read_stats

        async with open_session(self.url, self.limit) as session:
            return await read_stats(session, self.names, self.places)

    def write(self, stats: Stats) -> None:
        """Print it."""
        from assay.cli.check import print_lines
        from assay.ops.stats.stats import stats_lines

        if self.as_json:
            write_json(stats.to_json())
        else:
            print_lines(stats_lines(stats, shutil.get_terminal_size().columns if self.to_terminal else None))
        sys.stdout.flush()


def _watch(show: _Show, seconds: float) -> None:
    """Until Ctrl-C or SIGTERM; a server that does not answer any more is told, and asked again."""
    try:
        asyncio.run(_again_and_again(show, seconds))
    except KeyboardInterrupt:
        print("Stopped watching.", file=sys.stderr)


async def _again_and_again(show: _Show, seconds: float) -> None:
    stats: Stats | None = await show.read()
    while True:
        if stats is not None:
            if show.to_terminal and not show.as_json:
                sys.stdout.write(_CLEARED)
            show.write(stats)
        await asyncio.sleep(seconds)
        try:
            stats = await show.read()
        except Error as error:
            stats = None
            print(f"error: {error}", file=sys.stderr)
