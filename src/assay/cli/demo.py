"""``assay demo``: see Assay at work on five backends."""

from __future__ import annotations

import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING

import click

from assay.cli.output import format_option, write_json
from assay.errors import Error

if TYPE_CHECKING:
    from assay.demo.step import Step

WIDTH = 100
INDENT = 13


@click.command()
@format_option()
def command(output_format: str) -> None:
    """See Assay at work on five backends.

    Starts the embedded server, and on it migrates and seeds each backend in a database of its own, which is dropped
    afterwards, proves its queries, and visits it over HTTP. The first, RealityCam, also shows what is in a proof and
    a wrong query being caught. Nothing of your project is read or changed.
    """
    from assay.demo.story import tell

    quiet = output_format == "json"
    steps: list[Step] = []
    with stopping_between_steps() as stop_if_asked, closing(tell(stop_if_asked)) as story:
        if not quiet:
            print("Assay: PostgreSQL for Python, every query proven before it runs.", flush=True)
        for step in story:
            steps.append(step)
            if not quiet:
                print("", *_lines(len(steps), step), sep="\n", flush=True)
            stop_if_asked()
    if quiet:
        shown = [asdict(one) for step in steps for one in step.shown]
        write_json({"steps": [_to_json(step) for step in steps], "backends": shown})


@contextmanager
def stopping_between_steps() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C and SIGTERM wait for the end of a step, which is never far, so that each is put away whole.

    The value raises KeyboardInterrupt if one of them came; a second one does not wait.
    """
    came: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)
        print("Stopping after this step ...", file=sys.stderr)

    def stop_if_asked() -> None:
        if came:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop_if_asked
    except Error:
        # Ctrl-C reaches the programs that a step has started, too, and then the step fails.
        stop_if_asked()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _lines(number: int, step: Step) -> list[str]:
    head = f"{f'{number} {step.title}':<{INDENT}}{step.done}"
    return [f"{head:<{WIDTH - 8}} {step.seconds:5.2f} s", *(wrapped for line in step.lines for wrapped in _wrap(line))]


def _wrap(line: str) -> list[str]:
    margin = " " * INDENT
    hanging = margin + " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, WIDTH, initial_indent=margin, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def _to_json(step: Step) -> dict[str, object]:
    return {"title": step.title, "done": step.done, "seconds": round(step.seconds, 3), "lines": list(step.lines)}
