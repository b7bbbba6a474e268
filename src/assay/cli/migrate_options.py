"""What the commands of ``assay migrate`` share: their options, and how they are driven."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay.cli.connecting import connecting_options
from assay.cli.places import from_here
from assay.config import load_settings

if TYPE_CHECKING:
    from assay.migrate import Event

_T = TypeVar("_T")

source_option = click.option(
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder of the migrations.  [default: that of the project, migrations unless set]",
)
url_option = connecting_options("The database.  [default: DATABASE_URL, or else the embedded server]")
ignore_missing_option = click.option(
    "--ignore-missing", is_flag=True, help="Accept applied migrations that have no file."
)
lock_timeout_option = click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for another process that is migrating the same database.",
)


def folder(source: Path | None) -> Path:
    """The folder of the migrations, as a person would write it from here."""
    return source if source is not None else from_here(load_settings().migrations)


def drive(work: Coroutine[Any, Any, _T]) -> _T:
    """Run to the end; SIGTERM stops it as Ctrl-C does, between two steps, so that it can roll back and let go."""

    async def stoppable() -> _T:
        task = asyncio.ensure_future(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    before = signal.getsignal(signal.SIGTERM)
    try:
        return asyncio.run(stoppable())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGTERM, before)


def tell_waiting(event: Event) -> None:
    """Print what a run waits for, and what deserves attention, to standard error."""
    from assay.migrate import Moment

    if event.moment in (Moment.WAITING, Moment.NOTICE):
        print(event.text, file=sys.stderr)
