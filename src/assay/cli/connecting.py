"""How commands come to a database: its URL, how long to try, and whether ``.env`` is read."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, repeat
from typing import Any, TypeVar

import click

from assay.config import NO_DOTENV, DatabaseUrl

_F = TypeVar("_F", bound=Callable[..., Any])

_TIMEOUT = f"{__name__}.timeout"
"""Where the context of a command keeps ``--connect-timeout``."""
_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.0)
"""Seconds between two attempts to connect; the last again and again."""


def _keep_timeout(ctx: click.Context, parameter: click.Parameter, seconds: float | None) -> None:
    ctx.meta[_TIMEOUT] = seconds


def _keep_from_dotenv(ctx: click.Context, parameter: click.Parameter, asked: bool) -> None:
    if asked:
        ctx.with_resource(_without_dotenv())


@contextmanager
def _without_dotenv() -> Iterator[None]:
    before = os.environ.get(NO_DOTENV)
    os.environ[NO_DOTENV] = "true"
    yield
    if before is None:
        del os.environ[NO_DOTENV]
    else:
        os.environ[NO_DOTENV] = before


connect_timeout_option = click.option(
    "--connect-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    callback=_keep_timeout,
    expose_value=False,
    help="Try this long to connect, again and again while nothing answers.  [default: once]",
)
no_dotenv_option = click.option(
    "--no-dotenv",
    is_flag=True,
    is_eager=True,
    callback=_keep_from_dotenv,
    expose_value=False,
    help="Do not read .env.",
)


proving_option = click.option(
    "--database-url",
    "-D",
    metavar="URL",
    help="A server to build the schema on, in a database of its own, instead of the embedded one; "
    "in a project without migrations, the database to ask.",
)
as_it_is_option = click.option(
    "--database-url", "-D", metavar="URL", help="A database, as it is, instead of what the migrations build."
)


def connecting_options(help_text: str) -> Callable[[_F], _F]:
    """``--database-url``, with ``--connect-timeout`` and ``--no-dotenv``, which the command itself does not see."""
    url = click.option("--database-url", "-D", metavar="URL", help=help_text)
    return lambda function: url(connect_timeout_option(no_dotenv_option(function)))


def reachable(url: DatabaseUrl) -> DatabaseUrl:
    """The URL as it is to be connected to, after waiting for its server where ``--connect-timeout`` was given.

    Raises ConnectionFailed when nothing has accepted a connection by then. What else is wrong, such as a database that
    does not exist, is left to the command to find.
    """
    seconds = click.get_current_context().meta.get(_TIMEOUT)
    if seconds is None:
        return url
    kept = tuple((name, value) for name, value in url.options if name != "connect_timeout")
    asyncio.run(_wait(replace(url, options=kept), time.monotonic() + seconds))
    return replace(url, options=(*kept, ("connect_timeout", str(max(1, math.ceil(seconds))))))


async def _wait(url: DatabaseUrl, end: float) -> None:
    from assay.errors import ConnectionFailed, Error
    from assay.runtime.connecting import open_connection

    pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
    while True:
        try:
            connection = await open_connection(url, timeout=max(0.01, end - time.monotonic()))
        except ConnectionFailed:
            pause = next(pauses)
            if time.monotonic() + pause >= end:
                raise
            await asyncio.sleep(pause)
        except Error:
            return
        else:
            await connection.close()
            return
