"""``assay demo``: see Assay at work on a small backend."""

from __future__ import annotations

import textwrap
from contextlib import closing
from typing import TYPE_CHECKING

import click

from assay.cli.output import format_option, write_json

if TYPE_CHECKING:
    from assay.demo.story import Step

WIDTH = 100
INDENT = 13


@click.command()
@format_option()
def command(output_format: str) -> None:
    """See Assay at work on a small backend.

    Starts the embedded server, migrates and seeds RealityCam in a database that is dropped afterwards, proves its
    queries, takes a photo through it over HTTP, and shows a wrong query being caught. Nothing of your project is
    read or changed.
    """
    from assay.demo.story import tell

    quiet = output_format == "json"
    steps: list[Step] = []
    with closing(tell()) as story:
        if not quiet:
            print("Assay: PostgreSQL for Python, every query proven before it runs.\n", flush=True)
        for step in story:
            steps.append(step)
            if not quiet:
                print(*_lines(len(steps), step), sep="\n", flush=True)
    if quiet:
        write_json({"steps": [_to_json(step) for step in steps]})


def _lines(number: int, step: Step) -> list[str]:
    head = f"{f'{number} {step.title}':<{INDENT}}{step.done}"
    return [f"{head:<{WIDTH - 7}} {step.seconds:4.2f} s", *(wrapped for line in step.lines for wrapped in _wrap(line))]


def _wrap(line: str) -> list[str]:
    margin = " " * INDENT
    hanging = margin + " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, WIDTH, initial_indent=margin, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def _to_json(step: Step) -> dict[str, object]:
    return {"title": step.title, "done": step.done, "seconds": round(step.seconds, 3), "lines": list(step.lines)}
