"""How commands speak: text for people, JSON for programs, errors on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, Never, TypeVar

import click
import msgspec

from assay.errors import Error

_F = TypeVar("_F", bound=Callable[..., Any])


def format_option(*formats: str) -> Callable[[_F], _F]:
    """``--output-format``, which every command has: ``text`` and ``json``, and what else is given."""
    return click.option(
        "--output-format",
        "output_format",
        type=click.Choice(["text", "json", *formats]),
        default="text",
        show_default=True,
        help="How the answer is written.",
    )


def write_json(value: object) -> None:
    """Write a value made of dicts, lists, strings, numbers and booleans, indented, to standard output."""
    try:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    except UnicodeEncodeError:  # the name of a file, say, that is not UTF-8
        text = json.dumps(value, indent=2, default=_decoded)
    print(text)


def _decoded(raw: msgspec.Raw) -> object:
    return json.loads(bytes(raw))


def fail(error: Error) -> Never:
    """Write what went wrong to standard error and exit with 2."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)
